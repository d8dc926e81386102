/**
 * An answer that another engine began, and this one goes on with. What was said is made the beginning of its own answer:
 * its tokens go through all that the tokens of an answer go through, so stop sequences, half characters, reasoning, calls
 * and grammars are where they were. Only what follows is given out.
 */

import type { ProgressChunk } from '../../../interface/chunks.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Resume } from '../../../interface/resume.ts'
import { turn } from '../turn.ts'
import type { AnswerWriter } from './answer-writer.ts'
import { CALL_END, CALL_START } from './tool-calls.ts'
import { cannotGoOn } from './unsaid.ts'

export const continuedChunk = ({ index }: Resume, isExact: boolean): ProgressChunk => ({
  ...{ type: 'progress', index, stage: 'continued', done: index },
  continued: isExact ? 'exact' : 'prefill'
})

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

/** Other requests of the process have their turn after so many tokens, which take a few milliseconds. */
const TURN_TOKENS = 256

export interface SaidTokensOptions extends AbortOptions {
  /** Whether the prompt ends in the middle of reasoning. */
  readonly reasons: boolean
  /** Tokens that the answer may have. What was said in more is not looked at, and its caller refuses it. */
  readonly most: number
}

/**
 * What was said, as tokens of this model: those that came with it where they say the same here, and else those of its text.
 *
 * @throws {InvalidInputError} when it cannot be said in this model's tokens.
 */
export async function tokensSaid(
  resume: Resume,
  vocabulary: Vocabulary,
  newWriter: () => AnswerWriter,
  { reasons, most, signal }: SaidTokensOptions
): Promise<readonly number[]> {
  const { tokens } = resume
  if (tokens.length > 0 && tokens.length <= most && tokens.every(token => vocabulary.has(token))) {
    if ((await written(tokens, vocabulary, newWriter(), signal))?.hasSaid) return tokens
  }
  const ownTokens = tokensOf(resume, vocabulary, reasons)
  if (ownTokens.length > most) return ownTokens
  const writer = await written(ownTokens, vocabulary, newWriter(), signal)
  // What may be the beginning of a mark, or of a call, comes with what follows.
  if (writer?.hasSaid || writer?.isHolding) return ownTokens
  throw cannotGoOn('what was said is nothing that it could have written')
}

/** The writer once it was given the tokens; undefined where they say something else. */
async function written(
  tokens: readonly number[],
  vocabulary: Vocabulary,
  writer: AnswerWriter,
  signal: AbortSignal | undefined
): Promise<AnswerWriter | undefined> {
  const words = vocabulary.newText()
  for (let at = 0; at < tokens.length; at += TURN_TOKENS) {
    if (at > 0) await turn(signal)
    else signal?.throwIfAborted()
    try {
      for (const token of tokens.slice(at, at + TURN_TOKENS))
        writer.add(undefined, words.add(token), () => words.end()).toArray()
    } catch {
      return undefined
    }
  }
  return writer
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
