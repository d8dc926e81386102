/** The two ways to a node: its gateway by fetch, and its unix socket by Node's own HTTP. */

import { CutError, LumosClientError, unreachable } from './errors.ts'

export interface Ask {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
}

/** An answer whose head is here. */
export interface Reply {
  readonly status: number
  header(name: string): string | undefined
  text(): Promise<string>
  /** The body as it comes. Leaving the loop ends the connection. */
  chunks(): AsyncGenerator<string, void>
}

/** @throws {LumosClientError} `NODE_NOT_RUNNING` without a connection; the reason of the signal once it aborts. */
export type Transport = (ask: Ask) => Promise<Reply>

export function overFetch(url: string, send: typeof fetch): Transport {
  const base = url.replace(/\/+$/, '')
  return async ({ path, signal, ...init }) => {
    // A redirect would lead elsewhere with what was asked; a gateway sends none.
    const sent = send(base + path, { ...init, signal, redirect: 'error' })
    const response = await sent.catch(failed(signal, unreachable))
    return {
      status: response.status,
      header: name => response.headers.get(name) ?? undefined,
      text: () => response.text().catch(failed(signal, cause => new CutError(cause))),
      chunks: () => decoded(response.body, signal)
    }
  }
}

/** Safari reads no stream by `for await`. */
async function* decoded(body: Response['body'], signal?: AbortSignal): AsyncGenerator<string, void> {
  if (body === null) return
  const reader = body.getReader()
  const decoder = new TextDecoder()
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(failed(signal, cause => new CutError(cause)))
      if (done) return
      yield decoder.decode(value, { stream: true })
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}

/** In Node only. Fetch has no unix sockets there, and costs a process 13 MB. */
export function overSocket(socketPath: string): Transport {
  const http = globalThis.process?.getBuiltinModule?.('node:http')
  if (http === undefined) throw new LumosClientError('NOT_SUPPORTED', 'Only Node reaches a unix socket.')

  return ({ path, method, headers, body, signal }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    // Without an agent the connection ends with the answer, and so can this process.
    http
      .request({ socketPath, path, method, headers, signal, agent: false })
      .on('error', reject)
      .on('response', response => {
        response.setEncoding('utf8')
        async function* chunks(): AsyncGenerator<string, void> {
          try {
            yield* response as AsyncIterable<string>
          } catch (cause) {
            failed(signal, () => new CutError(cause))(cause)
          }
        }
        resolve({
          status: response.statusCode ?? 0,
          header: name => response.headers[name]?.toString(),
          text: async () => (await Array.fromAsync(chunks())).join(''),
          chunks
        })
      })
      .end(body)
    return promise.catch(failed(signal, unreachable))
  }
}

/** What the caller has ended fails with the caller's reason. */
const failed =
  (signal: AbortSignal | undefined, error: (cause: unknown) => Error) =>
  (cause: unknown): never => {
    signal?.throwIfAborted()
    throw error(cause)
  }
