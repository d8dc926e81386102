/** Errors in Ollama's form: a text. */

import type { LumosError } from '../../interface/errors.ts'
import { type Call, failureHead } from '../envelope.ts'
import { errorOf } from '../openai/errors.ts'

/** What is wrong, with a hint where there is one. */
const wordsOf = (thrown: unknown): string => errorOf(thrown).error.message

/** Status line, headers and body, with the request id of the call. */
export function ollamaRefusal(
  thrown: unknown,
  call: Call
): { status: number; headers: Headers; body: string; error: LumosError } {
  const { headers, error } = failureHead(thrown, call)
  return { status: errorOf(thrown).status, headers, body: JSON.stringify({ error: wordsOf(thrown) }), error }
}

/** The last line of a stream that failed: clients raise it. */
export const failureLine = (thrown: unknown): string => `${JSON.stringify({ error: wordsOf(thrown) })}\n`
