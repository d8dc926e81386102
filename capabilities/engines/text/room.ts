/** How many tokens an answer may have behind its prompt. */

import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import { TOKENS_MAX } from '../../../interface/limits.ts'

/** @throws {LumosError} `CONTEXT_TOO_SMALL` before anything is run. */
export function roomFor(
  promptTokens: number,
  maxTokens: number | undefined,
  contextTokens = Number.MAX_SAFE_INTEGER
): number {
  if (promptTokens === 0) throw new InvalidInputError('The prompt is empty.')
  const wanted = maxTokens ?? 1
  if (promptTokens + wanted > contextTokens) throw noRoom(promptTokens, wanted, contextTokens)
  return maxTokens ?? Math.min(contextTokens - promptTokens, TOKENS_MAX)
}

export const noRoom = (promptTokens: number, maxTokens: number, contextTokens = TOKENS_MAX): LumosError =>
  new LumosError(
    'CONTEXT_TOO_SMALL',
    `The prompt has ${promptTokens} tokens and the answer may have ${maxTokens}; the model has room for ${contextTokens} together.`,
    { details: { contextTokens, promptTokens, maxTokens } }
  )
