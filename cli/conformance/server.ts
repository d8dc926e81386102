/** The server under test: everything goes to its address, and nothing follows it elsewhere. */

import { Broken, type Json, need, Skipped, told } from './check.ts'

/** Whole answers of small questions; a longer one is a fault of the server. */
const BYTES_MAX = 16 * 1024 * 1024

export interface ServerOptions {
  readonly url: string
  readonly token?: string | undefined
  /** Names of models; without them, those that the server lists. */
  readonly model?: string | undefined
  readonly embedder?: string | undefined
}

export interface Ask {
  readonly method?: 'GET' | 'POST' | 'HEAD' | 'DELETE'
  /** A text goes as it is. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** In place of the token. */
  readonly token?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** @throws {Broken} */
  json(): Json
}

export class Server {
  readonly token: string | undefined
  readonly model: string | undefined
  readonly embedder: string | undefined
  readonly #base: string
  readonly #signal: AbortSignal

  constructor({ url, token, model, embedder }: ServerOptions, signal: AbortSignal) {
    // Clients of OpenAI are given the address with this at its end, others without.
    this.#base = url.replace(/\/+$/, '').replace(/\/v1$/, '')
    this.token = token
    this.model = model
    this.embedder = embedder
    this.#signal = signal
  }

  async ask(path: string, ask: Ask = {}): Promise<Answer> {
    const response = await this.#fetch(path, ask)
    let text = ''
    for await (const piece of this.#texts(response)) text += piece
    const where = `the answer of ${ask.method ?? 'POST'} ${path}`
    return {
      ...{ status: response.status, headers: response.headers, text },
      json() {
        try {
          return JSON.parse(text)
        } catch {
          throw new Broken(`${where} is ${told(text)}, not JSON`)
        }
      }
    }
  }

  /** The JSON of an answer with status 200. */
  async ok(path: string, ask: Ask = {}): Promise<Json> {
    const answer = await this.ask(path, ask)
    need(answer.status === 200, `the status of ${path} is ${answer.status}, not 200: ${told(answer.text)}`)
    return answer.json()
  }

  /** The answer of what not every server offers. @throws {Skipped} */
  async offered(path: string, ask: Ask): Promise<Json> {
    const answer = await this.ask(path, ask)
    if ([404, 405, 501].includes(answer.status))
      throw new Skipped(`the server does not offer ${path}: status ${answer.status}`)
    need(answer.status === 200, `the status of ${path} is ${answer.status}, not 200: ${told(answer.text)}`)
    return answer.json()
  }

  /** Leaves after the first bytes of the answer. */
  async leave(path: string, body: unknown, headers: Ask['headers'] = {}): Promise<void> {
    const response = await this.#fetch(path, { body, headers })
    need(response.status === 200, `the status of ${path} is ${response.status}, not 200`)
    for await (const text of this.#texts(response)) if (text.trim() !== '') return
  }

  async #fetch(path: string, { method = 'POST', body, headers, token = this.token }: Ask): Promise<Response> {
    try {
      return await fetch(`${this.#base}${path}`, {
        method,
        headers: {
          ...(body !== undefined && { 'content-type': 'application/json' }),
          // A client of Anthropic sends its key in a header of its own, and in no other.
          ...(token !== undefined &&
            headers?.['x-api-key'] === undefined && { authorization: `Bearer ${token}` }),
          ...headers
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        // A server sends the token nowhere else.
        redirect: 'manual',
        signal: this.#signal
      })
    } catch (err) {
      this.#signal.throwIfAborted()
      const { cause, message } = err as Error
      throw new Broken(`${method} ${path} has no answer: ${cause instanceof Error ? cause.message : message}`)
    }
  }

  async *#texts({ body }: Response): AsyncGenerator<string> {
    let bytes = 0
    const decoder = new TextDecoder()
    try {
      for await (const chunk of body ?? []) {
        bytes += chunk.length
        need(bytes <= BYTES_MAX, `the answer has more than ${BYTES_MAX} bytes`)
        yield decoder.decode(chunk, { stream: true })
      }
    } catch (err) {
      this.#signal.throwIfAborted()
      if (err instanceof Broken) throw err
      throw new Broken(`the answer ends too early: ${(err as Error).message}`)
    }
  }
}
