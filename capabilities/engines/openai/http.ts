/**
 * HTTP to a server of models, with a bound on everything that it sends. A redirect is a refusal: a prompt goes nowhere
 * but to the server that was named.
 */

import { type IncomingMessage, request as requestHttp } from 'node:http'
import type { Clock } from '../../../interface/clock.ts'
import { CancelledError, EngineFailedError } from '../../../interface/errors.ts'
import { failureOf } from './failure.ts'

/** A list of models, or the vectors of a full batch. */
const JSON_BYTES_MAX = 64 * 1024 * 1024
/** What is read of an error. */
const ERROR_BYTES_MAX = 64 * 1024

/** A server of models: where it is, and what opens it. */
export interface ModelServer {
  /** What this node calls it, such as `ollama`. */
  readonly name: string
  /** Its address up to `/v1`, which is left out. */
  readonly url: string
  /** Read at each request, so that a new key counts at once; never logged. */
  key?(): Promise<string | undefined>
}

export interface CallOptions {
  readonly signal: AbortSignal
  /** Absent: a GET. */
  readonly body?: unknown
}

/**
 * The answer to a request that was taken.
 *
 * @throws {LumosError} what the server's refusal means, or `ENGINE_FAILED` where it cannot be reached.
 */
export async function call(
  server: ModelServer,
  path: string,
  { signal, body }: CallOptions
): Promise<IncomingMessage> {
  const key = await server.key?.()
  const response = await send(server, path, {
    signal,
    text: body === undefined ? undefined : JSON.stringify(body),
    headers: {
      accept: 'application/json, text/event-stream',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(key !== undefined && { authorization: `Bearer ${key}` })
    }
  })
  const { statusCode = 0, headers } = response
  if (statusCode === 200) return response
  const text = await textOf(response, ERROR_BYTES_MAX).catch(() => '')
  throw failureOf(server.name, { status: statusCode, text, retryAfter: headers['retry-after'] })
}

/** The JSON that a request is answered with. */
export async function callJson(server: ModelServer, path: string, options: CallOptions): Promise<unknown> {
  const response = await call(server, path, options)
  try {
    return JSON.parse(await textOf(response, JSON_BYTES_MAX))
  } catch (err) {
    options.signal.throwIfAborted()
    throw new EngineFailedError(`${server.name} answered what is no JSON.`, { cause: err })
  }
}

/** Text of a body. @throws when it is longer than `bytesMax`. */
export async function textOf(response: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) throw new EngineFailedError(`The server sent more than ${bytesMax} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

interface Sent {
  readonly signal: AbortSignal
  readonly text: string | undefined
  readonly headers: Record<string, string>
}

async function send({ name, url }: ModelServer, path: string, sent: Sent): Promise<IncomingMessage> {
  sent.signal.throwIfAborted()
  const address = new URL(url.replace(/\/$/, '') + path)
  const isPlain = address.protocol === 'http:'
  // Loaded when a server is first asked over TLS: most are on this device.
  const request = isPlain ? requestHttp : (await import('node:https')).request
  return await new Promise((resolve, reject) => {
    const { signal, text, headers } = sent
    // A connection that was kept may be one to a server that has restarted since.
    const outgoing = request(address, {
      method: text === undefined ? 'GET' : 'POST',
      headers,
      signal,
      agent: false
    })
    outgoing.on('response', resolve)
    outgoing.on('error', (err: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(new CancelledError(undefined, { cause: signal.reason }))
      else
        reject(
          new EngineFailedError(`${name} does not answer at ${address.host}: ${err.code ?? err.message}.`, {
            cause: err
          })
        )
    })
    outgoing.end(text)
  })
}

interface LimitedWork {
  readonly signal: AbortSignal
  end(): void
}

/** A signal that fires with `signal`, or when `timeoutMs` are over. Call `end` once the work is done. */
export function limited(clock: Clock, timeoutMs: number, signal?: AbortSignal): LimitedWork {
  const controller = new AbortController()
  const onAbort = (): void => controller.abort(signal?.reason)
  const timer = clock.setTimer(
    () => controller.abort(new CancelledError('The server was too slow.')),
    timeoutMs
  )
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted) onAbort()
  return {
    signal: controller.signal,
    end(): void {
      timer.cancel()
      // What was not read to its end is left.
      controller.abort()
      signal?.removeEventListener('abort', onAbort)
    }
  }
}
