/** The text of tokens, one after the other: a character may need several, and spaces depend on the token before. */

import type { PreTrainedTokenizer } from '@huggingface/transformers'
import { SPOKEN_TOKENS } from '../text/tool-calls.ts'

/** No character of UTF-8 needs more tokens; a longer wait is for bytes that are none. */
const CHARACTER_TOKENS_MAX = 8
const INCOMPLETE = '\ufffd'

/** Tokens that are no part of the text. */
export function silentTokens({
  all_special_ids: ids,
  all_special_tokens: texts
}: PreTrainedTokenizer): Set<number> {
  return new Set(ids.filter((_, at) => !SPOKEN_TOKENS.has(texts[at]!)))
}

export class TokenText {
  readonly #tokenizer: PreTrainedTokenizer
  readonly #skipped: ReadonlySet<number>
  /** The tokens whose text was given out last, then those whose text was not. */
  #tokens: number[] = []
  #given = 0

  constructor(tokenizer: PreTrainedTokenizer) {
    this.#tokenizer = tokenizer
    this.#skipped = silentTokens(tokenizer)
  }

  /** The text that is complete with this token. */
  add(token: number): string {
    if (this.#skipped.has(token)) return ''
    this.#tokens.push(token)
    const waiting = this.#tokens.length - this.#given
    const text = this.#waiting()
    if (text.endsWith(INCOMPLETE) && waiting < CHARACTER_TOKENS_MAX) return ''
    this.#tokens = this.#tokens.slice(this.#given)
    this.#given = this.#tokens.length
    return text
  }

  /** The text of what never became complete. */
  end(): string {
    const text = this.#tokens.length > this.#given ? this.#waiting() : ''
    this.#given = this.#tokens.length
    return text
  }

  #waiting(): string {
    const before = this.#decode(this.#tokens.slice(0, this.#given))
    return this.#decode(this.#tokens).slice(before.length)
  }

  #decode(tokens: number[]): string {
    if (tokens.length === 0) return ''
    return this.#tokenizer.decode(tokens, { skip_special_tokens: false, clean_up_tokenization_spaces: false })
  }
}
