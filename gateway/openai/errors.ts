/** Errors in OpenAI's form: one envelope, with `type`, `code` and the parameter that is wrong. */

import {
  ERROR_MEANINGS,
  type ErrorCode,
  InvalidInputError,
  type LumosError,
  toLumosError
} from '../../interface/errors.ts'
import { isRecord } from '../../interface/record.ts'
import { type Call, failureHead } from '../envelope.ts'

/** A request that is refused in OpenAI's words. */
export class RefusedError extends InvalidInputError {
  readonly param: string | null
  readonly reason: string | null
  /** Where it is not 400. */
  readonly status: number | undefined

  constructor(
    message: string,
    {
      param = null,
      reason = null,
      status
    }: { param?: string | null; reason?: string | null; status?: number }
  ) {
    super(message)
    this.param = param
    this.reason = reason
    this.status = status
  }
}

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

function wordsOf({ code, message, hint, details }: LumosError): string {
  const { contextTokens, promptTokens, maxTokens = 0 } = details
  if (code === 'CONTEXT_TOO_SMALL' && contextTokens !== undefined) {
    const most = `This model's maximum context length is ${contextTokens} tokens. However, you requested `
    // The answer alone may be longer than any peer has room for, and then no peer is asked to count the question.
    if (promptTokens === undefined)
      return `${most}${maxTokens} tokens in the completion. Please reduce the length of the completion.`
    const all = Number(promptTokens) + Number(maxTokens)
    return (
      `${most}${all} tokens (${promptTokens} in the messages, ${maxTokens} in the completion). ` +
      'Please reduce the length of the messages or completion.'
    )
  }
  // The stack of an unexpected error, and what led to it, are in the log alone.
  if (code === 'INTERNAL') return 'The server had an error while processing your request.'
  return hint === undefined ? message : `${message} ${hint}`
}

/** `messages.0.content` of a unit is `messages[0].content` here. */
function paramOf({ code, details }: LumosError): string | null {
  if (code === 'MODEL_NOT_FOUND') return 'model'
  if (code === 'CONTEXT_TOO_SMALL') return details.promptTokens === undefined ? 'max_tokens' : 'messages'
  const { fields, field } = details
  const first: unknown = Array.isArray(fields) && isRecord(fields[0]) ? fields[0].field : field
  if (typeof first !== 'string' || first === '') return null
  return first.replace(/^(?:input|params)\./, '').replace(/\.(\d+)(?=\.|$)/g, '[$1]')
}

/** Status line and headers, with the request id of the call. */
export function refusal(thrown: unknown, call: Call): { status: number; headers: Headers; body: string } {
  const { error, status } = errorOf(thrown)
  const { headers, error: lumos } = failureHead(thrown, call)
  // Clients of OpenAI try again by themselves what failed on the server, also what has been half done.
  if (status >= 429) headers.set('x-should-retry', String(lumos.retryable))
  return { status, headers, body: JSON.stringify({ error }) }
}
