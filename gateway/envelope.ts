/** What every answer of the gateway looks like: data or an error, and where it came from. */

import type { IncomingMessage } from 'node:http'
import { newAnswerId, requestIdOf } from '../interface/answers.ts'
import type { Clock } from '../interface/clock.ts'
import { ERROR_MEANINGS, type LumosError, toLumosError } from '../interface/errors.ts'
import type { Route } from '../interface/units.ts'
import { jsonBody, toJson } from './json-answer.ts'
import { type Trace, traceOf } from './trace.ts'

/** For callers told to come back without being told when. */
const RETRY_AFTER_S = 1
/** Five minutes: the estimate may be a peer's, and a program must not wait a year for it. */
const RETRY_AFTER_S_MAX = 300

/** Facts about one call, gathered while it runs. */
export interface Call {
  readonly requestId: string
  /** Opens the answer, should it be kept. No log has it. */
  readonly answerId: string
  readonly trace: Trace
  readonly startedMs: number
  /** Whether there is an answer under its id. */
  kept?: boolean
  unit?: string
  route?: Route
}

/** @param answerId of which the id of the request is made; without it, the call leads to no answer. */
export function newCall(
  clock: Clock,
  { headers }: Pick<IncomingMessage, 'headers'>,
  answerId = newAnswerId()
): Call {
  const requestId = requestIdOf(answerId)
  return {
    ...{ requestId, answerId },
    trace: traceOf(requestId, headers.traceparent),
    startedMs: clock.monotonicMs()
  }
}

export interface ErrorBody {
  readonly code: string
  readonly message: string
  readonly hint: string | null
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>
}

export const errorBody = (error: LumosError): ErrorBody => ({
  code: error.code,
  message: error.message,
  hint: error.hint ?? null,
  retryable: error.retryable,
  details: error.details
})

export const metaOf = (
  { requestId, answerId, kept, unit, route, trace, startedMs }: Call,
  nowMs: number
) => ({
  request_id: requestId,
  answer: kept ? answerId : null,
  unit: unit ?? null,
  peer: route?.peerId ?? null,
  route: route?.route ?? null,
  duration_ms: Math.round((nowMs - startedMs) * 1000) / 1000,
  trace_id: trace.traceId
})

export const successBody = (data: unknown, call: Call, nowMs: number): string | ReadableStream<Uint8Array> =>
  jsonBody({ success: true, data, error: null, meta: metaOf(call, nowMs) })

export const failureBody = (error: LumosError, call: Call, nowMs: number): string =>
  toJson({ success: false, data: null, error: errorBody(error), meta: metaOf(call, nowMs) })

/** By which a client, its logs and ours name the call. */
export const headersOf = ({ requestId, trace }: Call) => ({
  'x-request-id': requestId,
  traceparent: trace.traceparent
})

/** Status line and headers for an error. */
export function failureHead(
  thrown: unknown,
  call: Call
): { error: LumosError; status: number; headers: Headers } {
  const error = toLumosError(thrown)
  const { status } = ERROR_MEANINGS[error.code]
  const headers = new Headers({ ...JSON_HEADERS, ...headersOf(call) })

  if (status === 429 || status === 503) headers.set('retry-after', String(retryAfterS(error)))
  if (status === 401) headers.set('www-authenticate', 'Bearer')
  return { error, status, headers }
}

function retryAfterS({ details }: LumosError): number {
  const { retryAfterMs } = details
  if (typeof retryAfterMs !== 'number') return RETRY_AFTER_S
  return Math.min(Math.max(1, Math.ceil(retryAfterMs / 1000)), RETRY_AFTER_S_MAX)
}

/** Answers are for their caller: no cache keeps them, no browser guesses what they are. */
export const JSON_HEADERS = {
  'content-type': 'application/json',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff'
} as const
