/**
 * The places of a context, each with the tokens of the conversation that it worked on last. A conversation that goes on
 * gets the place with its beginning, so that only what is new is evaluated.
 */

import { EngineFailedError } from '../../../interface/errors.ts'
import type { Sequence, Token } from './library.ts'

/** Evaluated between two looks at the signal: a cancelled call must end in two seconds, on a slow board too. */
export const PIECE_TOKENS = 128

/** Makes a sequence hold just these tokens. */
export type Hold = (tokens: readonly Token[]) => Promise<void>

interface Place {
  readonly sequence: Sequence
  busy: boolean
  /** Of the last call that used it. */
  used: number
}

export class Conversations {
  readonly #places: readonly Place[]
  #calls = 0

  constructor(sequences: readonly Sequence[]) {
    this.#places = sequences.map(sequence => ({ sequence, busy: false, used: 0 }))
  }

  /** Calls under way. */
  get busy(): number {
    return this.#places.filter(({ busy }) => busy).length
  }

  /**
   * Calls `work` with a sequence that holds `tokens` but the last, and with what makes it hold others.
   *
   * @throws {EngineFailedError} when all places are taken: a model is asked by as many at once as it has slots.
   */
  async *with<T>(
    tokens: readonly Token[],
    signal: AbortSignal | undefined,
    work: (sequence: Sequence, hold: Hold) => AsyncIterable<T>
  ): AsyncGenerator<T> {
    const place = this.#placeFor(tokens)
    place.busy = true
    place.used = ++this.#calls
    try {
      await evaluate(place.sequence, tokens.slice(0, -1), signal)
      yield* work(place.sequence, others => evaluate(place.sequence, [...others], signal))
    } finally {
      place.busy = false
    }
  }

  /** Of the free ones: that which holds most of the beginning; of several, the one not used for longest. */
  #placeFor(tokens: readonly Token[]): Place {
    let best: Place | undefined
    let bestShared = -1
    for (const place of this.#places) {
      if (place.busy) continue
      const held = place.sequence.contextTokens.length
      const shared = place.sequence.compareContextTokens([...tokens]).firstDifferentIndex
      // A beginning that all conversations share, such as instructions, is no reason to end another conversation.
      const kept = shared * 2 >= held ? shared : 0
      if (kept > bestShared || (kept === bestShared && place.used < best!.used)) {
        best = place
        bestShared = kept
      }
    }
    if (best === undefined) throw new EngineFailedError('All places of the context are taken.')
    return best
  }
}

/** Makes a sequence hold just these tokens. */
async function evaluate(sequence: Sequence, tokens: Token[], signal: AbortSignal | undefined): Promise<void> {
  const shared = sequence.compareContextTokens(tokens).firstDifferentIndex
  if (sequence.nextTokenIndex > shared)
    await sequence.eraseContextTokenRanges([{ start: shared, end: sequence.nextTokenIndex }])
  // Some models cannot go back to any place, and begin anew.
  for (let at = sequence.nextTokenIndex; at < tokens.length; at = sequence.nextTokenIndex) {
    signal?.throwIfAborted()
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(at, at + PIECE_TOKENS))
  }
  signal?.throwIfAborted()
}
