/** Errors in OpenAI's form: one envelope, with `type`, `code` and the parameter that is wrong. */

import { ERROR_MEANINGS, type ErrorCode, type LumosError, toLumosError } from '../../interface/errors.ts'
import { isRecord } from '../../interface/record.ts'
import { snakeCase } from '../../interface/snake-case.ts'
import { RefusedError, wordsOf } from '../asking/refused.ts'
import { type Call, failureHead } from '../envelope.ts'

interface ErrorBody {
  readonly message: string
  readonly type: string
  readonly param: string | null
  readonly code: string | null
}

/** Codes that clients of OpenAI look for; the others are ours in lower case. */
const CODES: Partial<Record<ErrorCode, string | null>> = {
  INVALID_INPUT: null,
  USAGE: null,
  UNAUTHENTICATED: 'invalid_api_key',
  MODEL_NOT_FOUND: 'model_not_found',
  ROUTE_NOT_FOUND: 'unknown_url',
  CONTEXT_TOO_SMALL: 'context_length_exceeded',
  OVERLOADED: 'rate_limit_exceeded',
  RATE_LIMITED: 'rate_limit_exceeded',
  INTERNAL: null
}

/** What is wrong is said in the names of `/v1`; anything else that went wrong, in the words of the error. */
export function errorOf(thrown: unknown): { error: ErrorBody; status: number } {
  const error = toLumosError(thrown)
  if (error instanceof RefusedError) {
    const { message, param, reason: code, status = 400 } = error
    return { status, error: { message, type: 'invalid_request_error', param, code } }
  }
  const { status } = ERROR_MEANINGS[error.code]
  const code = CODES[error.code]
  return {
    status,
    error: {
      message: wordsOf(error),
      type: typeOf(status),
      param: paramOf(error),
      code: code === undefined ? error.code.toLowerCase() : code
    }
  }
}

const typeOf = (status: number): string => {
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'server_error' : 'invalid_request_error'
}

/** `input.messages.0.content` and `params.toolChoice` of an engine are `messages[0].content` and `tool_choice` here. */
function paramOf({ code, details }: LumosError): string | null {
  if (code === 'MODEL_NOT_FOUND') return 'model'
  if (code === 'CONTEXT_TOO_SMALL') return details.promptTokens === undefined ? 'max_tokens' : 'messages'
  const { fields, field } = details
  const first: unknown = Array.isArray(fields) && isRecord(fields[0]) ? fields[0].field : field
  if (typeof first !== 'string' || first === '') return null
  return snakeCase(first.replace(/^(?:input|params)\./, '').replace(/\.(\d+)(?=\.|$)/g, '[$1]'))
}

/** Status line and headers, with the request id of the call. */
export function refusal(thrown: unknown, call: Call): { status: number; headers: Headers; body: string } {
  const { error, status } = errorOf(thrown)
  const { headers, error: lumos } = failureHead(thrown, call)
  // Clients of OpenAI try again by themselves what failed on the server, also what has been half done.
  if (status >= 429) headers.set('x-should-retry', String(lumos.retryable))
  return { status, headers, body: JSON.stringify({ error }) }
}
