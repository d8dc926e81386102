/** A client of chats that stream: one connection for each chat at once, kept from one answer to the next. */

import { Agent, request } from 'node:http'

export interface Word {
  readonly text: string
  /** When it came, from the question. */
  readonly ms: number
}

export interface ChatClient {
  /** One answer, to its end. */
  ask(model: string, content: string): Promise<Word[]>
  close(): void
}

export function chatClient(url: string, token: string): ChatClient {
  const agent = new Agent({ keepAlive: true })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return {
    close: () => agent.destroy(),
    async ask(model, content) {
      const startedMs = performance.now()
      const words: Word[] = []
      const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
      request(`${url}/v1/chat/completions`, { method: 'POST', headers, agent }, response => {
        response.setEncoding('utf8')
        response.on('data', (events: string) => {
          const ms = performance.now() - startedMs
          // What a client makes of an event is its own affair.
          for (const [, text] of events.matchAll(/"content":"([^"]+)/g)) words.push({ text: text!, ms })
        })
        response.on('end', resolve)
      })
        .on('error', reject)
        .end(JSON.stringify({ model, stream: true, messages: [{ role: 'user', content }] }))
      await ended
      return words
    }
  }
}
