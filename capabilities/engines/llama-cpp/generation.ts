/** One answer: its tokens become text, and the text what a caller is given. */

import type { InferenceChunk } from '../../../interface/chunks.ts'
import type { Clock, Random } from '../../../interface/clock.ts'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import { TOKENS_MAX } from '../../../interface/limits.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import { AnswerWriter } from '../text/answer-writer.ts'
import { type Constraint, constraintOf, offered } from '../text/constraint.ts'
import { piecesOf } from '../text/control-text.ts'
import { mustBeText } from '../text/only-text.ts'
import type { ChatTemplate } from './chat-template.ts'
import { choicesOf } from './choices.ts'
import type { Conversations } from './conversations.ts'
import type { Grammar, GrammarState, Library, Llama, LlamaModel, Sequence, Token } from './library.ts'
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
  readonly recommended: Recommended
  readonly contextTokens: number
  readonly clock: Clock
  readonly random: Random
}

export async function* generate(
  parts: GenerationParts,
  input: Input,
  params: Params,
  signal: AbortSignal | undefined
): AsyncGenerator<InferenceChunk> {
  const { model, conversations, contextTokens, silent } = parts
  const constraint = constraintOf(params)
  const isConversation = input.messages !== undefined
  const prompt = promptOf(parts, input, params)
  const tokens = tokensOf(model, isConversation ? piecesOf(prompt) : [prompt])
  const most = roomFor(contextTokens, tokens.length, params.maxTokens)
  const answer = new AnswerWriter({
    ...{ params, prompt, isConversation, most, constraint },
    textOf: token => model.detokenize([token as Token], true)
  })
  const written: Token[] = []
  const sampling = samplingOf(params, parts.recommended, { written, random: parts.random })
  const grammar = constraint && (await grammarOf(parts, constraint, answer))
  const words = new TokenText(model, silent)
  const choices = (sequence: Sequence) =>
    choicesOf(
      sequence,
      tokens.at(-1)!,
      { ...sampling, ...(grammar && { grammarEvaluationState: grammar }) },
      params
    )

  const pace = paceOf(parts)
  const work = async function* (sequence: Sequence): AsyncGenerator<InferenceChunk> {
    let hasEnded = true
    for await (const choice of choices(sequence)) {
      signal?.throwIfAborted()
      pace()
      written.push(choice.token)
      yield* answer.add(choice, words.add(choice.token), () => words.end())
      hasEnded = !answer.isOver
      if (answer.isOver) break
    }
    signal?.throwIfAborted()
    yield* answer.end(hasEnded, words.end(), tokens.length)
  }
  yield* conversations.with(tokens, signal, work)
}

/** Only a template's own text holds control tokens, and a prompt that a caller writes in its place. */
function tokensOf(model: LlamaModel, pieces: readonly string[]): Token[] {
  const tokens = pieces.flatMap(piece => model.tokenize(piece, true))
  const { bos, shouldPrependBosToken } = model.tokens
  if (bos !== null && (shouldPrependBosToken || tokens.length === 0) && tokens[0] !== bos) tokens.unshift(bos)
  if (tokens.length === 0) throw new InvalidInputError('The prompt is empty.')
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

/** What the next token is held to: one state for an answer, and one for each call where only calls are held. */
async function grammarOf(
  { llama, library, model }: GenerationParts,
  { grammar: text, of }: Constraint,
  answer: AnswerWriter
): Promise<() => GrammarState | undefined> {
  let grammar: Grammar
  try {
    grammar = await llama.createGrammar({ grammar: text })
  } catch (err) {
    throw new InvalidInputError(`The schema cannot be followed: ${(err as Error).message}.`)
  }
  const begin = () => new library.LlamaGrammarEvaluationState({ model, grammar })
  let state = of === 'answer' ? begin() : undefined
  return () => {
    const { held } = answer
    if (of === 'answer') return held === undefined ? undefined : state
    if (held === undefined) state = undefined
    // A call that began in the middle of a token is left to the model: a state takes tokens, and no text.
    else if (held === '') state ??= begin()
    return state
  }
}

function promptOf({ template }: GenerationParts, { messages, prompt = '' }: Input, params: Params): string {
  if (messages === undefined) return prompt
  if (template === undefined)
    throw new InvalidInputError('This model has no chat template: give a prompt instead of messages.')
  mustBeText(messages)
  return template.render(messages, { tools: offered(params) })
}

/** @throws {LumosError} `CONTEXT_TOO_SMALL` before anything is evaluated. */
function roomFor(contextTokens: number, promptTokens: number, maxTokens: number | undefined): number {
  const wanted = maxTokens ?? 1
  if (promptTokens + wanted <= contextTokens)
    return maxTokens ?? Math.min(contextTokens - promptTokens, TOKENS_MAX)
  throw new LumosError(
    'CONTEXT_TOO_SMALL',
    `The prompt has ${promptTokens} tokens and the answer may have ${wanted}; the model has room for ${contextTokens} together.`,
    { details: { contextTokens, promptTokens, maxTokens: wanted } }
  )
}
