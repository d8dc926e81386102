/** What the refusals of model servers mean: each says them in words of its own. */

import {
  EngineFailedError,
  InvalidInputError,
  LumosError,
  OverloadedError
} from '../../../interface/errors.ts'
import { isRecord } from '../../../interface/record.ts'

/** Of the server's own words. */
const WORDS_MAX = 512
/** A server that names no time: models load for seconds. */
const RETRY_AFTER_MS = 2000
const RETRY_AFTER_MS_MAX = 300_000
/** How OpenAI, vLLM, LM Studio, llama.cpp and Ollama say that a prompt is too long. */
const TOO_LONG =
  /context[ _](?:length|size|window)|maximum context|exceed_context_size|context_length_exceeded|prompt is too long/i
/** `maximum context length is 4096 tokens. However, you requested 5000`, in all its forms. */
const CONTEXT_TOKENS = /(?:context (?:length|size|window)|maximum)[^\d]{0,40}(\d{2,9})/i
const ASKED_TOKENS = /(?:requested|contains|prompt|messages resulted in|\brequest)[^\d]{0,40}(\d{2,9})/i

export interface Refusal {
  readonly status: number
  readonly text: string
  readonly retryAfter?: string | undefined
}

/** The refusal of the server `name` as an error of ours. */
export function failureOf(name: string, { status, text, retryAfter }: Refusal): LumosError {
  const error = errorIn(text)
  const words = `${name}: ${error.message.slice(0, WORDS_MAX) || `status ${status}`}`
  if (TOO_LONG.test(`${error.type} ${error.message}`)) return tooLong(words, error)
  if (status === 401 || status === 403) {
    return new EngineFailedError(`${name} refuses the key, or wants one.`, {
      hint: 'Set keyFile or keyVariable of the server in engines.servers.'
    })
  }
  if (status === 429 || status === 503) return new OverloadedError(words, waitOf(retryAfter))
  if (status === 413) return new LumosError('INPUT_TOO_LARGE', words)
  if (status === 400 || status === 422) return new InvalidInputError(words)
  return new EngineFailedError(words)
}

/** What a server says in the middle of its answer, too. */
function errorIn(text: string): ServerError {
  try {
    return readError(JSON.parse(text))
  } catch {
    return { message: text.trim(), type: '' }
  }
}

interface ServerError {
  readonly message: string
  readonly type: string
  readonly contextTokens?: number
  readonly promptTokens?: number
}

/** An object may be of a kind that cannot be written. */
const wordOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : ''

/** `{error: {message}}`, `{error: "…"}`, `{message}`, `{detail}` and `{object: "error", message}`. */
export function readError(body: unknown): ServerError {
  if (!isRecord(body)) return { message: '', type: '' }
  const error = isRecord(body.error) ? body.error : body
  const message = [error.message, body.error, body.detail].find(one => typeof one === 'string')
  return {
    message: String(message ?? ''),
    type: wordOf(error.code) + wordOf(error.type),
    // llama.cpp gives both as numbers.
    ...(Number.isSafeInteger(error.n_ctx) && { contextTokens: Number(error.n_ctx) }),
    ...(Number.isSafeInteger(error.n_prompt_tokens) && { promptTokens: Number(error.n_prompt_tokens) })
  }
}

function tooLong(words: string, { message, contextTokens, promptTokens }: ServerError): LumosError {
  const details = {
    contextTokens: contextTokens ?? numberIn(CONTEXT_TOKENS, message),
    promptTokens: promptTokens ?? numberIn(ASKED_TOKENS, message)
  }
  return new LumosError('CONTEXT_TOO_SMALL', words, { details })
}

const numberIn = (pattern: RegExp, text: string): number | undefined => {
  const found = pattern.exec(text)?.[1]
  return found === undefined ? undefined : Number(found)
}

function waitOf(retryAfter: string | undefined): number {
  const seconds = Number(retryAfter)
  return seconds > 0 ? Math.min(seconds * 1000, RETRY_AFTER_MS_MAX) : RETRY_AFTER_MS
}
