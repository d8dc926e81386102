/** Which peers have room for a request in the context of their models. */

import { LumosError } from '../../interface/errors.ts'
import type { InferenceRequest } from '../../interface/inference.ts'
import { definitionOf } from '../../interface/tasks/index.ts'
import type { Candidate } from './rank.ts'

const roomOf = ({ capability }: Candidate): number => capability.contextTokens ?? Number.POSITIVE_INFINITY

/**
 * The peers whose context holds what the request takes for certain. One that states no context is among them.
 *
 * @throws {LumosError} `CONTEXT_TOO_SMALL` when there is none.
 */
export function withRoom(
  offers: readonly Candidate[],
  { task, params }: Pick<InferenceRequest, 'task' | 'params'>
): readonly Candidate[] {
  const tokens = definitionOf(task).tokensMin?.(params)
  if (tokens === undefined) return offers
  const roomy = offers.filter(offer => roomOf(offer) >= tokens)
  if (roomy.length > 0) return roomy
  const contextTokens = Math.max(...offers.map(roomOf))
  throw new LumosError(
    'CONTEXT_TOO_SMALL',
    `The answer may take ${tokens} tokens, and the largest context on offer is ${contextTokens} tokens.`,
    {
      hint: `Ask for fewer than ${contextTokens} tokens, or another model.`,
      details: { contextTokens, maxTokens: tokens }
    }
  )
}

/** Those without room: they are shown to who asks why. */
export const leftOut = (all: readonly Candidate[], roomy: readonly Candidate[]): readonly Candidate[] =>
  all.length === roomy.length ? [] : all.filter(offer => !roomy.includes(offer))

/** Whether `other` may have room for what `peer` had none for. */
export const isRoomier = (other: Candidate, peer: Candidate): boolean =>
  peer.capability.contextTokens === undefined || roomOf(other) > peer.capability.contextTokens
