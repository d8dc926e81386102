/** Answers of an origin: what a status means, bodies that must go on, and JSON within bounds. */

import type { IncomingMessage } from 'node:http'
import type * as z from 'zod'
import type { Clock } from '../../../interface/clock.ts'
import {
  CancelledError,
  LumosError,
  OverloadedError,
  ProtocolViolationError
} from '../../../interface/errors.ts'
import { type GetOptions, type HttpAnswer, type HttpClient, SILENCE_MS } from './http-client.ts'
import { originFailed } from './origin.ts'

/** A page of a listing has a thousand files, or a fifth of this. */
const JSON_BYTES_MAX = 4 * 1024 * 1024
/** For all of a page: an origin that sends a byte now and then is never silent. */
const JSON_MS = 2 * 60_000
/** Of an origin that is busy and does not say for how long. */
const BUSY_MS = 5000

const TOKEN_HINT =
  'The token is in the file of weights.origins.hfTokenFile or msTokenFile, else in the variable HF_TOKEN of the node, not of this command.'

/** What a refusal means. Its body is dropped: it is the origin's text, and may be a page. */
export function refusalOf(answer: HttpAnswer, what: string, clock: Clock): LumosError {
  const { url, status, headers, body } = answer
  body.destroy()
  if (status === 401 || status === 403) return denied(answer, what)
  if (status === 404 || status === 410)
    return new LumosError('MODEL_NOT_FOUND', `${url.host} has no ${what}.`)
  if (status === 429 || status === 503)
    return new OverloadedError(
      `${url.host} is busy (status ${status}).`,
      retryAfterMs(headers['retry-after'], clock) ?? BUSY_MS
    )
  if (status === 408 || status >= 500) return originFailed(`${url.host} failed with status ${status}`)
  return new ProtocolViolationError(`${url.host} answered for ${what} with status ${status}.`)
}

/** A hub answers so for what is not there, too: to a caller without a token it does not say which names are private. */
function denied({ url: { host }, status, headers, withToken }: HttpAnswer, what: string): LumosError {
  if (headers['x-error-code'] === 'GatedRepo')
    return new LumosError('DENIED', `${host} gives ${what} only to accounts that have accepted its terms.`, {
      hint: `Accept them on its page there, with the account of the token. ${TOKEN_HINT}`
    })
  if (!withToken)
    return new LumosError(
      'DENIED',
      `${host} has no ${what}, or gives it only to an account that may have it, and this node has no token.`,
      { hint: `Look at its name first. ${TOKEN_HINT}` }
    )
  const why =
    status === 401
      ? `${host} does not take the token of this node, with which ${what} was asked for.`
      : `${host} does not give ${what} to the account of the token that this node has.`
  return new LumosError('DENIED', why, { hint: TOKEN_HINT })
}

/** Seconds, or a date. Undefined where it is neither. */
function retryAfterMs(value: string | undefined, clock: Clock): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? undefined : Math.max(0, at - clock.wallMs())
}

export interface BodyOptions {
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
}

/** The parts of a body. Leaving the loop ends the connection. @throws {LumosError} `ORIGIN_FAILED` where it is cut or silent. */
export async function* partsOf(
  body: IncomingMessage,
  { clock, signal }: BodyOptions
): AsyncGenerator<Buffer> {
  const arm = () =>
    clock.setTimer(() => body.destroy(new Error(`silent for ${SILENCE_MS / 1000} s`)), SILENCE_MS)
  let silence = arm()
  try {
    for await (const part of body as AsyncIterable<Buffer>) {
      silence.cancel()
      // The reader may take its time: it is the origin that must not be silent.
      yield part
      silence = arm()
    }
  } catch (err) {
    if (signal?.aborted) throw new CancelledError(undefined, { cause: signal.reason })
    if (err instanceof LumosError) throw err
    throw originFailed(`The connection was cut: ${(err as Error).message}`, { cause: err })
  } finally {
    silence.cancel()
    body.destroy()
  }
}

interface Json<T> {
  readonly value: T
  readonly answer: HttpAnswer
  readonly text: string
}

/** @throws {LumosError} what the refusal means, or `PROTOCOL_VIOLATION` for what is no such JSON. */
export async function getJson<S extends z.ZodType>(
  client: HttpClient,
  url: string,
  { schema, what, ...options }: GetOptions & { readonly schema: S; readonly what: string }
): Promise<Json<z.output<S>>> {
  const answer = await client.get(url, options)
  if (answer.status !== 200) throw refusalOf(answer, what, client.clock)
  refuseEncoding(answer)
  const parts: Buffer[] = []
  let bytes = 0
  const late = client.clock.setTimer(() => answer.body.destroy(new Error('it is too slow')), JSON_MS)
  try {
    for await (const part of partsOf(answer.body, { clock: client.clock, signal: options.signal })) {
      bytes += part.byteLength
      if (bytes > JSON_BYTES_MAX)
        throw new ProtocolViolationError(
          `${answer.url.host} lists ${what} with more than ${JSON_BYTES_MAX} bytes.`
        )
      parts.push(part)
    }
  } finally {
    late.cancel()
  }
  const text = Buffer.concat(parts).toString()
  const nonsense = (why: string, cause: unknown) =>
    new ProtocolViolationError(`${answer.url.host} lists ${what} in a form that is not read: ${why}.`, {
      cause
    })
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (err) {
    throw nonsense('it is no JSON', err)
  }
  const { success, data, error } = schema.safeParse(json)
  if (success) return { value: data, answer, text }
  const [issue] = error.issues
  throw nonsense(`${issue!.path.join('.')}: ${issue!.message}`, error)
}

/** Bodies are asked for as they are stored; a length or hash of another form is of no file. */
export function refuseEncoding({ url, headers, body }: HttpAnswer): void {
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity') return
  body.destroy()
  throw new ProtocolViolationError(
    `${url.host} sends ${JSON.stringify(encoding.slice(0, 40))} where nothing may be packed.`
  )
}
