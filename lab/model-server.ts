/**
 * A server of one model that writes the same words to each question, and goes on with a message of its own. A program, run on
 * a device beside its node, which takes it for vLLM: it says so when it is asked for its models.
 *
 *     node model-server.ts WORDS WORD_MS
 */

import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'

/** Where vLLM listens. */
const PORT = 8000
export const PACED_MODEL = 'paced'
export const pacedText = (words: number): string =>
  Array.from({ length: words }, (_, i) => `word-${i}`).join(' ')

interface Chat {
  readonly messages: readonly { readonly role: string; readonly content: string }[]
}

function serve(words: number, wordMs: number): void {
  const event = (body: unknown) => `data: ${JSON.stringify(body)}\n\n`
  const piece = (content: string, finish_reason: string | null = null) =>
    event({ choices: [{ delta: { content }, finish_reason }] })
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') {
      const data = [{ id: PACED_MODEL, owned_by: 'vllm', max_model_len: 8192 }]
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ data }))
      return
    }
    const last = ((await json(request)) as Chat).messages.at(-1)!
    const begun = last.role === 'assistant' ? last.content.length : 0
    response.setHeader('content-type', 'text/event-stream')
    for (const word of pacedText(words)
      .slice(begun)
      .match(/\s*\S+/g) ?? []) {
      if (response.destroyed) return
      response.write(piece(word))
      await wait(wordMs)
    }
    response.end(`${piece('', 'stop')}data: [DONE]\n\n`)
  })
  server.listen(PORT, '127.0.0.1', () => console.log('ready'))
}

if (import.meta.main) serve(Number(process.argv[2]), Number(process.argv[3]))
