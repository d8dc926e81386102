/**
 * HTTP to a server of models, with a bound on everything that it sends. A redirect is a refusal: a prompt goes nowhere
 * but to the server that was named.
 */

import { type IncomingMessage, request as requestHttp } from 'node:http'
import type { Clock } from '../../../interface/clock.ts'
import { CancelledError, EngineFailedError, LumosError } from '../../../interface/errors.ts'
import { holdsMore, PARTS } from '../../../interface/json-size.ts'
import { failureOf } from './failure.ts'

/** Of JSON that holds no vectors, such as a list of models. */
const JSON_BYTES_MAX = 8 * 1024 * 1024
/** In JSON, not counting the numbers of vectors: some tens of megabytes. */
const VALUES_MAX = 1_000_000
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

/** Of an answer that is read whole. */
export interface JsonLimits {
  readonly bytesMax?: number
  /** Numbers of vectors among them. */
  readonly valuesMax?: number
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
  const failure = failureOf(server.name, { status: statusCode, text, retryAfter: headers['retry-after'] })
  throw withoutKey(failure, key)
}

/** Some servers repeat what they were asked with, the key too. Their words go to devices that do not have it. */
export function withoutKey(failure: LumosError, key: string | undefined): LumosError {
  const { code, message, hint, details } = failure
  if (key === undefined || key === '' || !message.includes(key)) return failure
  return new LumosError(code, message.replaceAll(key, '…'), { hint, details })
}

/** The JSON that a request is answered with. */
export async function callJson(
  server: ModelServer,
  path: string,
  options: CallOptions & JsonLimits
): Promise<unknown> {
  const response = await call(server, path, options)
  return await readJson(server, response, options)
}

/** @throws {EngineFailedError} for a body that is too large, or no JSON. */
export async function readJson(
  server: ModelServer,
  response: IncomingMessage,
  { bytesMax = JSON_BYTES_MAX, valuesMax = VALUES_MAX }: JsonLimits = {}
): Promise<unknown> {
  return parseJson(server, await textOf(response, bytesMax), valuesMax)
}

/** @throws {EngineFailedError} */
export function parseJson({ name }: ModelServer, text: string, valuesMax = VALUES_MAX): unknown {
  if (holdsMore(text, valuesMax) || (valuesMax > VALUES_MAX && holdsMore(text, VALUES_MAX, PARTS)))
    throw new EngineFailedError(`${name} sent JSON of more than ${valuesMax} values.`)
  try {
    return JSON.parse(text)
  } catch (err) {
    throw new EngineFailedError(`${name} sent what is no JSON.`, { cause: err })
  }
}

/** Text of a body. @throws when it is longer than `bytesMax`. */
async function textOf(response: IncomingMessage, bytesMax: number): Promise<string> {
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
          new EngineFailedError(`${name} does not answer: ${err.code ?? 'its answer is not HTTP'}.`, {
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
