/**
 * `max_tokens` is a bound that clients set for the largest models, and no wish: where a model has less room, its answer
 * ends at its context. Units refuse more than there is room for, and say how much there is.
 */

import { LumosError } from '../../interface/errors.ts'
import type { UnitContext } from '../../interface/units.ts'
import type { UnitRegistry } from '../../units/index.ts'
import { type Piece, streamAll } from '../asking/pieces.ts'

interface Asked {
  readonly unit: string
  readonly input: Readonly<Record<string, unknown>>
  readonly context: UnitContext
  /** Called where the answer is not kept: an id is of one attempt. */
  onUnkept(): void
}

export async function* piecesInRoom(
  units: UnitRegistry,
  { unit, input, context, onUnkept }: Asked
): AsyncGenerator<Piece, void, undefined> {
  let begun = false
  try {
    for await (const { piece } of streamAll(units, { unit, inputs: [input], context })) {
      begun ||= piece.type !== 'progress'
      yield piece
    }
    return
  } catch (thrown) {
    if (begun || context.answer?.durable || !hasRoom(thrown)) throw thrown
    input = { ...input, max_tokens: roomIn(thrown) }
  }
  onUnkept()
  const calls = { unit, inputs: [input], context: { ...context, answer: undefined } }
  for await (const { piece } of streamAll(units, calls)) yield piece
}

/** Whether the question fits, and its answer alone may be too long. */
function hasRoom(thrown: unknown): thrown is LumosError {
  if (!(thrown instanceof LumosError) || thrown.code !== 'CONTEXT_TOO_SMALL') return false
  const { promptTokens = 0, contextTokens } = thrown.details
  return Number(promptTokens) < Number(contextTokens)
}

/** Nothing where no device has counted the question yet: then no device has room for as much as was asked for. */
function roomIn({ details: { promptTokens, contextTokens } }: LumosError): number | undefined {
  return promptTokens === undefined ? undefined : Number(contextTokens) - Number(promptTokens)
}
