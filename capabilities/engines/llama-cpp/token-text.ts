/** The text of tokens, one after the other: a character may be made of several, and spaces depend on the token before. */

import type { LlamaModel, Token } from './library.ts'

/** A character takes four tokens at most; what is held longer is no text. */
const PART_OF_CHARACTER_TOKENS = 4
/** Tokens before, which decide whether a space is written. */
const BEFORE_TOKENS = 8
const UNFINISHED = '\ufffd'

export class TokenText {
  readonly #model: LlamaModel
  readonly #silent: ReadonlySet<Token>
  #before: Token[] = []
  /** Tokens that are no whole characters yet. */
  #part: Token[] = []

  constructor(model: LlamaModel, silent: ReadonlySet<Token>) {
    this.#model = model
    this.#silent = silent
  }

  /** The text that is complete with this token. */
  add(token: Token): string {
    if (this.#silent.has(token)) return ''
    this.#part.push(token)
    const text = this.#model.detokenize(this.#part, true, this.#before)
    if (text.endsWith(UNFINISHED) && this.#part.length < PART_OF_CHARACTER_TOKENS) return ''
    this.#before = [...this.#before, ...this.#part].slice(-BEFORE_TOKENS)
    this.#part = []
    return text
  }

  /** The text of what never became complete. */
  end(): string {
    const text = this.#part.length === 0 ? '' : this.#model.detokenize(this.#part, true, this.#before)
    this.#part = []
    return text
  }
}
