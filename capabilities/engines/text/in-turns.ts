/** Texts become tokens in several turns of the event loop: a tokenizer takes seconds for a million characters. */

import { LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { turn } from '../turn.ts'

/** Characters of one turn: a tokenizer takes about 20 ms for them. */
const TURN_CHARS = 4096
/** Several times as many as a token of any language has. A longer text has too many tokens, or is mostly spaces. */
const TOKEN_CHARS_MAX = 32
/** Of one text, which takes one turn: a cancelled process is ended after two seconds. */
const TEXT_CHARS_MAX = 256 * 1024

export interface InTurnsOptions extends AbortOptions {
  /** Tokens that the model has room for; absent: it does not say. */
  readonly contextTokens: number | undefined
}

/**
 * What `read` makes of each text, or of each pair of them.
 *
 * @throws {LumosError} `CONTEXT_TOO_SMALL` for a text that is too long for the model by its characters alone.
 */
export async function inTurns<T extends readonly (string | undefined)[], R>(
  texts: readonly T[],
  read: (text: T, at: number) => R,
  { contextTokens = Number.POSITIVE_INFINITY, signal }: InTurnsOptions
): Promise<R[]> {
  const charsMax = Math.min(TOKEN_CHARS_MAX * contextTokens, TEXT_CHARS_MAX)
  const all: R[] = []
  let chars = 0
  for (const [at, text] of texts.entries()) {
    const own = text.reduce((sum, part = '') => sum + part.length, 0)
    if (own > charsMax) {
      throw new LumosError(
        'CONTEXT_TOO_SMALL',
        `Text ${at} has ${own} characters; the limit of the model is ${charsMax}.`
      )
    }
    if (at === 0 || chars + own > TURN_CHARS) {
      await turn(signal)
      chars = 0
    }
    chars += own
    all.push(read(text, at))
  }
  return all
}
