/** Tokens of a model as the pieces of one answer: text, reasoning and calls, each of which is known by what is written. */

import type { DeltaChunk, InferenceChunk } from '../../../interface/chunks.ts'
import type { Resume } from '../../../interface/resume.ts'
import type { TaskParams } from '../../../interface/tasks/index.ts'
import { type Choice, Chunks } from './answer-chunks.ts'
import { AnswerText } from './answer-text.ts'
import { type Constraint, offered } from './constraint.ts'
import { cannotGoOn, Unsaid } from './unsaid.ts'

export interface AnswerWriterOptions {
  readonly params: TaskParams<'text-generation'>
  readonly prompt: string
  /** Whether the prompt is that of a template. */
  readonly isConversation: boolean
  /** Tokens that the answer may have. */
  readonly most: number
  readonly constraint: Constraint | undefined
  textOf(token: number): string
  /** What was said of the answer: it is given to the writer again, which gives out what follows. */
  readonly resume?: Resume | undefined
}

export class AnswerWriter {
  readonly #most: number
  readonly #constraint: Constraint | undefined
  readonly #answer: AnswerText
  readonly #chunks: Chunks
  readonly #unsaid: Unsaid | undefined
  #tokens = 0

  constructor({ params, prompt, isConversation, most, constraint, textOf, resume }: AnswerWriterOptions) {
    const tools = offered(params)
    this.#unsaid = resume && new Unsaid(resume)
    this.#most = most
    this.#constraint = constraint
    this.#chunks = new Chunks(prompt, textOf)
    this.#answer = new AnswerText({
      stops: params.stop ?? [],
      oneCall: params.parallelToolCalls === false,
      reasons: reasonsAfter(prompt, isConversation),
      ...(tools.length > 0 && { tools: new Set(tools.map(({ name }) => name)) })
    })
  }

  /** Whether all that was said has been written again. */
  get hasSaid(): boolean {
    return this.#unsaid?.isSaid ?? true
  }

  /** Whether something was written that is not given out yet. */
  get isHolding(): boolean {
    return this.#answer.isHolding
  }

  /** Tokens so far. */
  get tokens(): number {
    return this.#tokens
  }

  /** Whether the model is to write no more. */
  get isOver(): boolean {
    return this.#answer.stopped || this.#tokens === this.#most
  }

  /** What is held to the grammar now: text that was written under it already. Undefined: the next token is free. */
  get held(): string | undefined {
    if (this.#constraint === undefined || this.#answer.isReasoning) return undefined
    return this.#constraint.of === 'answer' ? '' : this.#answer.openCall
  }

  /**
   * @param choice absent for a token of what was said.
   * @param text what is complete with this token.
   * @param rest what never became complete, should this be the last one.
   */
  *add(choice: Choice | undefined, text: string, rest: () => string): Generator<DeltaChunk> {
    this.#tokens++
    const pieces = this.#answer.add(text)
    // An answer has no more pieces than tokens, so what is left goes with the last of them.
    if (this.#tokens === this.#most && !this.#answer.stopped)
      pieces.push(...this.#answer.add(rest()), ...this.#answer.end())
    yield* this.#given(this.#chunks.of(pieces, choice))
  }

  /** @param hasEnded whether the model ended the answer by itself. */
  *end(hasEnded: boolean, rest: string, inputTokens: number): Generator<InferenceChunk> {
    if (this.#tokens < this.#most)
      yield* this.#given(this.#chunks.of([...this.#answer.add(rest), ...this.#answer.end()]))
    if (!this.hasSaid) throw cannotGoOn('it ends the answer before what was said of it')
    const isWhole = hasEnded || this.#answer.stopped
    yield {
      type: 'done',
      index: this.#unsaid?.index ?? this.#chunks.count,
      finishReason: this.#answer.calls > 0 ? 'tool_calls' : isWhole ? 'stop' : 'length',
      usage: { inputTokens, outputTokens: this.#tokens }
    }
  }

  *#given(chunks: Iterable<DeltaChunk>): Generator<DeltaChunk> {
    const unsaid = this.#unsaid
    for (const chunk of chunks) {
      const given = unsaid === undefined ? chunk : unsaid.rest(chunk)
      if (given !== undefined) yield given
    }
  }
}

/** Whether the prompt ends in the middle of reasoning. */
export const reasonsAfter = (prompt: string, isConversation: boolean): boolean =>
  isConversation && prompt.trimEnd().endsWith('<think>')
