/** The text of tokens, one after the other: a character may need several, and spaces depend on the token before. */

import type { PreTrainedTokenizer } from '@huggingface/transformers'
import { CALL_END, CALL_START, CALLS_FOLLOW, PYTHON_TAG } from './tool-calls.ts'

/** Special tokens that mean something in an answer. */
const KEPT: ReadonlySet<string> = new Set([
  ...[CALL_START, CALL_END, CALLS_FOLLOW, PYTHON_TAG],
  ...['[ARGS]', '[CALL_ID]', '<think>', '</think>']
])
/** No character of UTF-8 needs more tokens; a longer wait is for bytes that are none. */
const CHARACTER_TOKENS_MAX = 8
const INCOMPLETE = '\ufffd'

export class TokenText {
  readonly #tokenizer: PreTrainedTokenizer
  readonly #skipped: ReadonlySet<number>
  /** The tokens whose text was given out last, then those whose text was not. */
  #tokens: number[] = []
  #given = 0

  constructor(tokenizer: PreTrainedTokenizer) {
    this.#tokenizer = tokenizer
    const { all_special_ids: ids, all_special_tokens: texts } = tokenizer
    this.#skipped = new Set(ids.filter((_, at) => !KEPT.has(texts[at]!)))
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
