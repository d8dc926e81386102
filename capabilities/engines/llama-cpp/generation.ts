/** One answer: its tokens become text, and the text what a caller is given. */

import type { InferenceChunk } from '../../../interface/chunks.ts'
import type { Clock, Random } from '../../../interface/clock.ts'
import { InvalidInputError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Resume } from '../../../interface/resume.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import { AnswerWriter, type AnswerWriterOptions, reasonsAfter } from '../text/answer-writer.ts'
import { constraintOf, offered } from '../text/constraint.ts'
import { piecesOf } from '../text/control-text.ts'
import { mustBeText } from '../text/only-text.ts'
import { noRoom, roomFor } from '../text/room.ts'
import { continuedChunk, tokensSaid, type Vocabulary } from '../text/said-tokens.ts'
import type { ChatTemplate } from './chat-template.ts'
import { choicesOf } from './choices.ts'
import type { Conversations, Hold } from './conversations.ts'
import { GrammarStates } from './grammar-states.ts'
import type { Library, Llama, LlamaModel, Sequence, Token } from './library.ts'
import { goOn, type SaidChoice } from './said.ts'
import { type Recommended, samplingOf } from './sampling.ts'
import type { Threads } from './threads.ts'
import { TokenText } from './token-text.ts'

type Input = TaskInput<'text-generation'>
type Params = TaskParams<'text-generation'>

export interface GenerationParts {
  readonly library: Library
  readonly llama: Llama
  readonly model: LlamaModel
  readonly conversations: Conversations
  readonly threads: Threads
  /** Absent: the model continues texts, and holds no conversation. */
  readonly template: ChatTemplate | undefined
  /** Tokens that are no part of an answer's text. */
  readonly silent: ReadonlySet<Token>
  /** Tokens that the model knows. */
  readonly tokenCount: number
  readonly recommended: Recommended
  readonly contextTokens: number
  readonly clock: Clock
  readonly random: Random
}

export async function* generate(
  parts: GenerationParts,
  input: Input,
  params: Params,
  { signal, resume }: AbortOptions & { readonly resume?: Resume | undefined }
): AsyncGenerator<InferenceChunk> {
  const { model, conversations, contextTokens, silent } = parts
  const constraint = constraintOf(params)
  const isConversation = input.messages !== undefined
  const prompt = promptOf(parts, input, params)
  const tokens = tokensOf(model, isConversation ? piecesOf(prompt) : [prompt])
  const most = roomFor(tokens.length, params.maxTokens, contextTokens)
  const writing: AnswerWriterOptions = {
    ...{ params, prompt, isConversation, most, constraint, resume },
    textOf: token => model.detokenize([token as Token], true)
  }
  const answer = new AnswerWriter(writing)
  const said = resume === undefined ? [] : await saidIn(parts, resume, writing, signal)
  if (said.length > most) throw noRoom(tokens.length, said.length, contextTokens)
  const written: Token[] = []
  const sampling = samplingOf(params, parts.recommended, { written, random: parts.random })
  const grammar =
    constraint && (await GrammarStates.create(parts, constraint, answer, { keeps: resume !== undefined }))
  const words = new TokenText(model, silent)
  const held = { ...sampling, ...(grammar && { grammarEvaluationState: grammar.next }) }

  const pace = paceOf(parts)
  const work = async function* (sequence: Sequence, hold: Hold): AsyncGenerator<InferenceChunk> {
    const choices = (after: Token) => choicesOf(sequence, after, held, params)
    const all =
      said.length === 0
        ? choices(tokens.at(-1)!)
        : goOn(sequence, {
            ...{ ...parts, prompt: tokens, said, sampling: held, signal, hold, choices },
            isGreedy: sampling.temperature === 0 && grammar === undefined && !sampling.repeatPenalty,
            isRepeatable: sampling.temperature === 0 || params.seed !== undefined,
            undo: () => grammar?.undo()
          })
    let hasEnded = true
    let left = said.length
    let isExact = true
    /** The rest of a piece that was cut. */
    const unsaid: InferenceChunk[] = []
    for await (const { isOwn, ...choice } of all as AsyncGenerator<SaidChoice>) {
      signal?.throwIfAborted()
      written.push(choice.token)
      const text = words.add(choice.token)
      if (isOwn === undefined) {
        pace()
        yield* answer.add(choice, text, () => words.end())
      } else {
        left--
        isExact &&= isOwn
        unsaid.push(...answer.add(undefined, text, () => words.end()))
        if (left > 0) continue
        yield continuedChunk(resume!, isExact)
        yield* unsaid
      }
      hasEnded = !answer.isOver
      if (answer.isOver) break
    }
    signal?.throwIfAborted()
    yield* answer.end(hasEnded, words.end(), tokens.length)
  }
  yield* conversations.with(tokens, signal, work)
}

/** What was said, in tokens of this model. */
async function saidIn(
  { model, silent, tokenCount }: GenerationParts,
  resume: Resume,
  writing: AnswerWriterOptions,
  signal: AbortSignal | undefined
): Promise<readonly Token[]> {
  const vocabulary: Vocabulary = {
    has: token => token < tokenCount && !model.isEogToken(token as Token),
    newText: () => new TokenText(model, silent),
    tokensOf: text => model.tokenize(text),
    tokensOfMark: mark => model.tokenize(mark, true)
  }
  const reasons = reasonsAfter(writing.prompt, writing.isConversation)
  const options = { reasons, most: writing.most, signal }
  const said = await tokensSaid(resume, vocabulary, () => new AnswerWriter(writing), options)
  return said as readonly Token[]
}

/** Only a template's own text holds control tokens, and a prompt that a caller writes in its place. */
function tokensOf(model: LlamaModel, pieces: readonly string[]): Token[] {
  const tokens = pieces.flatMap(piece => model.tokenize(piece, true))
  const { bos, shouldPrependBosToken } = model.tokens
  if (bos !== null && (shouldPrependBosToken || tokens.length === 0) && tokens[0] !== bos) tokens.unshift(bos)
  return tokens
}

/** @returns what is called for each token: how long it took says how many threads are best. */
function paceOf({ clock, threads, conversations }: GenerationParts): () => void {
  let last: number | undefined
  return () => {
    const now = clock.monotonicMs()
    // The first one waits for the end of the prompt, and others are computed together with this one.
    if (last !== undefined && conversations.busy === 1) threads.took(now - last)
    last = now
  }
}

function promptOf({ template }: GenerationParts, { messages, prompt = '' }: Input, params: Params): string {
  if (messages === undefined) return prompt
  if (template === undefined)
    throw new InvalidInputError('This model has no chat template: give a prompt instead of messages.')
  mustBeText(messages)
  return template.render(messages, { tools: offered(params) })
}
