/**
 * An answer that another engine began, and this one goes on with. What was said is made the beginning of its own answer:
 * its tokens go through all that the tokens of an answer go through, so stop sequences, half characters, reasoning, calls
 * and grammars are where they were. Only what follows is given out.
 */

import type { DeltaChunk, ProgressChunk } from '../../../interface/chunks.ts'
import { InvalidInputError } from '../../../interface/errors.ts'
import type { Resume } from '../../../interface/resume.ts'
import type { AnswerWriter } from './answer-writer.ts'
import { CALL_END, CALL_START } from './tool-calls.ts'

export const cannotGoOn = (why: string): InvalidInputError =>
  new InvalidInputError(`This model cannot go on with the answer: ${why}.`, { details: { field: 'resume' } })

export const continuedChunk = ({ index }: Resume, isExact: boolean): ProgressChunk => ({
  ...{ type: 'progress', index, stage: 'continued', done: index },
  continued: isExact ? 'exact' : 'prefill'
})

/** Takes what was said from the pieces of a whole answer, and numbers the rest on. */
export class Unsaid {
  #index: number
  #text: string
  #reasoning: string
  /** Of each call that was begun, the arguments that were said and have not come again. */
  readonly #calls: { readonly name: string; rest: string }[]
  /** Of pieces that were said. */
  #tokens: number[] = []

  constructor({ index, text, reasoning = '', toolCalls = [] }: Resume) {
    this.#index = index
    this.#text = text
    this.#reasoning = reasoning
    this.#calls = toolCalls.map(({ name, arguments: rest }) => ({ name, rest }))
  }

  /** Of the next piece. */
  get index(): number {
    return this.#index
  }

  /** Whether all that was said has come. */
  get isSaid(): boolean {
    return this.#text === '' && this.#reasoning === '' && this.#calls.every(({ rest }) => rest === '')
  }

  /** @throws {InvalidInputError} for a piece that is not what was said. */
  rest({
    text = '',
    reasoning = '',
    toolCalls = [],
    tokens = [],
    logprobs
  }: DeltaChunk): DeltaChunk | undefined {
    const [saidText, newText] = parted(this.#text, text)
    const [saidReasoning, newReasoning] = parted(this.#reasoning, reasoning)
    this.#text = saidText
    this.#reasoning = saidReasoning
    const newCalls = toolCalls.flatMap(call => this.#callsOf(call))
    const made = [...this.#tokens, ...tokens]
    if (newText === '' && newReasoning === '' && newCalls.length === 0) {
      this.#tokens = made
      return undefined
    }
    this.#tokens = []
    return {
      ...{ type: 'delta', index: this.#index++ },
      ...(newText !== '' && { text: newText }),
      ...(newReasoning !== '' && { reasoning: newReasoning }),
      ...(newCalls.length > 0 && { toolCalls: newCalls }),
      ...(made.length > 0 && { tokens: made }),
      ...(logprobs !== undefined && { logprobs })
    }
  }

  #callsOf(call: Call): Call[] {
    const said = this.#calls[call.index]
    if (said === undefined) return [call]
    if (call.name !== undefined && call.name !== said.name) throw cannotGoOn('it calls another tool')
    const [rest, words] = parted(said.rest, call.arguments ?? '')
    said.rest = rest
    return words === '' ? [] : [{ index: call.index, arguments: words }]
  }
}

type Call = NonNullable<DeltaChunk['toolCalls']>[number]

/** @returns what is left of what was said, and what of the piece is new. */
function parted(said: string, written: string): [said: string, written: string] {
  if (written.startsWith(said)) return ['', written.slice(said.length)]
  if (said.startsWith(written)) return [said.slice(written.length), '']
  throw cannotGoOn('it reads what was said as something else')
}

/** What an engine knows of its tokens. */
export interface Vocabulary {
  /** Whether it is one that an answer can hold: one that ends it cannot. */
  has(token: number): boolean
  /** The text of tokens one after the other. */
  newText(): { add(token: number): string; end(): string }
  /** A text as it is: it holds no control token, whatever it spells. */
  tokensOf(text: string): number[]
  /** What marks the parts of an answer. */
  tokensOfMark(mark: string): number[]
}

/**
 * What was said, as tokens of this model: those that came with it where they say the same here, and else those of its text.
 *
 * @throws {InvalidInputError} when it cannot be said in this model's tokens.
 */
export function tokensSaid(
  resume: Resume,
  vocabulary: Vocabulary,
  newWriter: () => AnswerWriter,
  { reasons }: { readonly reasons: boolean }
): readonly number[] {
  const { tokens } = resume
  if (tokens.length > 0 && tokens.every(token => vocabulary.has(token))) {
    if (written(tokens, vocabulary, newWriter())?.hasSaid) return tokens
  }
  const ownTokens = tokensOf(resume, vocabulary, reasons)
  const writer = written(ownTokens, vocabulary, newWriter())
  // What may be the beginning of a mark, or of a call, comes with what follows.
  if (writer?.hasSaid || writer?.isHolding) return ownTokens
  throw cannotGoOn('what was said is nothing that it could have written')
}

/** The writer once it was given the tokens; undefined where they say something else. */
function written(
  tokens: readonly number[],
  vocabulary: Vocabulary,
  writer: AnswerWriter
): AnswerWriter | undefined {
  const words = vocabulary.newText()
  try {
    for (const token of tokens) writer.add(undefined, words.add(token), () => words.end()).toArray()
    return writer
  } catch {
    return undefined
  }
}

/** As a model writes it. */
function tokensOf(
  { text, reasoning, toolCalls = [] }: Resume,
  { tokensOf, tokensOfMark }: Vocabulary,
  reasons: boolean
): number[] {
  const tokens: number[] = []
  if (reasoning !== undefined) {
    if (!reasons) tokens.push(...tokensOfMark('<think>'))
    tokens.push(...tokensOf(reasoning))
  }
  const hasReasoned = reasons || reasoning !== undefined
  if (hasReasoned && (text !== '' || toolCalls.length > 0)) tokens.push(...tokensOfMark('</think>'))
  tokens.push(...tokensOf(text))
  for (const { name, arguments: json } of toolCalls) {
    const words = `{"name": ${JSON.stringify(name)}, "arguments": ${json}`
    tokens.push(...tokensOfMark(CALL_START))
    if (isJson(json)) tokens.push(...tokensOf(`${words}}`), ...tokensOfMark(CALL_END))
    else tokens.push(...tokensOf(words))
  }
  return tokens
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
