/** What the next token of an answer is held to: one state for an answer, and one for each call where only calls are held. */

import { InvalidInputError } from '../../../interface/errors.ts'
import type { AnswerWriter } from '../text/answer-writer.ts'
import type { Constraint } from '../text/constraint.ts'
import type { Grammar, GrammarState, Library, Llama, LlamaModel } from './library.ts'

export interface GrammarParts {
  readonly library: Library
  readonly llama: Llama
  readonly model: LlamaModel
}

export class GrammarStates {
  readonly #parts: GrammarParts
  readonly #grammar: Grammar
  readonly #of: Constraint['of']
  readonly #answer: AnswerWriter
  readonly #keeps: boolean
  #state: GrammarState | undefined
  /** As it was before the last token. */
  #before: GrammarState | undefined

  /** @throws {InvalidInputError} for a grammar that llama.cpp does not follow. */
  static async create(
    parts: GrammarParts,
    { grammar: text, of }: Constraint,
    answer: AnswerWriter,
    options: { readonly keeps: boolean }
  ): Promise<GrammarStates> {
    try {
      return new GrammarStates(parts, await parts.llama.createGrammar({ grammar: text }), of, answer, options)
    } catch (err) {
      throw new InvalidInputError(`The schema cannot be followed: ${(err as Error).message}.`)
    }
  }

  /** @param keeps whether the last token may be undone. */
  private constructor(
    parts: GrammarParts,
    grammar: Grammar,
    of: Constraint['of'],
    answer: AnswerWriter,
    { keeps }: { readonly keeps: boolean }
  ) {
    this.#parts = parts
    this.#grammar = grammar
    this.#of = of
    this.#answer = answer
    this.#keeps = keeps
    if (of === 'answer') this.#state = this.#begin()
  }

  /** Asked for before each token, which changes it. */
  readonly next = (): GrammarState | undefined => {
    const { held } = this.#answer
    if (this.#of === 'answer') {
      if (held === undefined) return undefined
    } else if (held === undefined) this.#state = undefined
    // A call that began in the middle of a token is left to the model: a state takes tokens, and no text.
    else if (held === '') this.#state ??= this.#begin()
    const { LlamaGrammarEvaluationState: State } = this.#parts.library
    if (this.#keeps) this.#before = this.#state && new State(this.#state)
    return this.#state
  }

  undo(): void {
    this.#state = this.#before
  }

  #begin(): GrammarState {
    const { library, model } = this.#parts
    return new library.LlamaGrammarEvaluationState({ model, grammar: this.#grammar })
  }
}
