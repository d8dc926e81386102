/** Errors in Anthropic's form: one envelope, with a type by the status, and the id of the request. */

import { ERROR_MEANINGS, toLumosError } from '../../interface/errors.ts'
import { RefusedError, wordsOf } from '../asking/refused.ts'
import { type Call, failureHead } from '../envelope.ts'

/** Clients read 529 as too much work for the moment, and come back after `retry-after`. */
const OVERLOADED = 529
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error'
}
export interface ErrorBody {
  readonly type: 'error'
  readonly error: { readonly type: string; readonly message: string }
  readonly request_id: string
}

export function errorOf(thrown: unknown, { requestId }: Call): { status: number; body: ErrorBody } {
  const error = toLumosError(thrown)
  const known = error instanceof RefusedError ? (error.status ?? 400) : ERROR_MEANINGS[error.code].status
  const status = known === 503 ? OVERLOADED : known
  const type = TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error')
  const message = error instanceof RefusedError ? error.message : wordsOf(error)
  return { status, body: { type: 'error', error: { type, message }, request_id: requestId } }
}

/** Status line and headers, with the request id of the call. */
export function refusal(thrown: unknown, call: Call): { status: number; headers: Headers; body: string } {
  const { status, body } = errorOf(thrown, call)
  const { headers, error } = failureHead(thrown, call)
  headers.set('request-id', call.requestId)
  // Clients try again by themselves what failed on the server, also what has been half done.
  if (status >= 429) headers.set('x-should-retry', String(error.retryable))
  return { status, headers, body: JSON.stringify(body) }
}
