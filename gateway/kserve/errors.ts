/** Errors in the form of the Open Inference Protocol: one text. */

import { ERROR_MEANINGS, toLumosError } from '../../interface/errors.ts'
import { RefusedError, wordsOf } from '../asking/refused.ts'
import { type Call, failureHead } from '../envelope.ts'

export function kserveRefusal(
  thrown: unknown,
  call: Call
): { status: number; headers: Headers; body: string } {
  const error = toLumosError(thrown)
  const { headers } = failureHead(thrown, call)
  const refused = error instanceof RefusedError
  const status = refused ? (error.status ?? 400) : ERROR_MEANINGS[error.code].status
  return { status, headers, body: JSON.stringify({ error: refused ? error.message : wordsOf(error) }) }
}
