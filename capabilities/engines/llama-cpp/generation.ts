/** One answer: its tokens become text, and the text what a caller is given. */

import type { InferenceChunk } from '../../../interface/chunks.ts'
import type { Clock, Random } from '../../../interface/clock.ts'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import { TOKENS_MAX } from '../../../interface/limits.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import { piecesOf } from '../text/control-text.ts'
import { AnswerReader, type Piece } from './answer-reader.ts'
import type { ChatTemplate } from './chat-template.ts'
import type { Conversations } from './conversations.ts'
import type { GrammarState, Library, Llama, LlamaModel, Sampling, Token } from './library.ts'
import { type Recommended, samplingOf } from './sampling.ts'
import { callGrammar, JSON_GRAMMAR, schemaGrammar } from './schema-grammar.ts'
import type { Threads } from './threads.ts'

/** A character takes four tokens at most; what is held longer is no text. */
const PART_OF_CHARACTER_TOKENS = 4
/** Tokens before, which decide whether a space is written. */
const BEFORE_TOKENS = 8
/** Below what an answer takes (`TEXT_PIECE_CHARS_MAX`). */
const PIECE_CHARS_MAX = 16 * 1024
const UNFINISHED = '\ufffd'
/** Letters of the id of a call. */
const ID_DIGITS = 9

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
  const { model, conversations } = parts
  const prompt = promptOf(parts, input, params)
  // Only the template's own text holds control tokens, and a prompt that a caller writes in its place.
  const pieces = input.messages === undefined ? [prompt] : piecesOf(prompt)
  const tokens = pieces.flatMap(piece => model.tokenize(piece, true))
  const { bos, shouldPrependBosToken } = model.tokens
  if (bos !== null && (shouldPrependBosToken || tokens.length === 0) && tokens[0] !== bos) tokens.unshift(bos)
  if (tokens.length === 0) throw new InvalidInputError('The prompt is empty.')
  const most = roomFor(parts.contextTokens, tokens.length, params.maxTokens)
  const writer = new Writer(parts, params, prompt)
  const sampling = await writer.sampling()
  yield* conversations.with(tokens, signal, sequence =>
    writer.write(sequence.evaluate(tokens.slice(-1), sampling), { promptTokens: tokens.length, most }, signal)
  )
}

function promptOf({ template }: GenerationParts, { messages, prompt = '' }: Input, params: Params): string {
  if (messages === undefined) return prompt
  if (template === undefined)
    throw new InvalidInputError('This model has no chat template: give a prompt instead of messages.')
  return template.render(messages, params.toolChoice === 'none' ? { ...params, tools: undefined } : params)
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

class Writer {
  readonly #parts: GenerationParts
  readonly #params: Params
  readonly #reader: AnswerReader
  readonly #hasTools: boolean
  readonly #written: Token[] = []
  /** Tokens that are no whole characters yet. */
  #part: Token[] = []
  #index = 0
  #callState: GrammarState | undefined

  constructor(parts: GenerationParts, params: Params, prompt: string) {
    this.#parts = parts
    this.#params = params
    this.#hasTools = (params.tools?.length ?? 0) > 0 && params.toolChoice !== 'none'
    this.#reader = new AnswerReader({
      stop: params.stop ?? [],
      tools: this.#hasTools,
      thinking: /<think>\s*$/.test(prompt),
      newId: () =>
        `call_${parts
          .random()
          .toString(36)
          .slice(2, 2 + ID_DIGITS)}`
    })
  }

  /** @throws {InvalidInputError} for a schema that cannot be followed. */
  async sampling(): Promise<Sampling> {
    const { recommended, random } = this.#parts
    const sampling = samplingOf(this.#params, recommended, { written: this.#written, random })
    const { responseFormat, toolChoice, tools = [] } = this.#params
    if (!this.#hasTools) {
      if (responseFormat === undefined || responseFormat.type === 'text') return sampling
      const text = responseFormat.type === 'json' ? JSON_GRAMMAR : schemaGrammar(responseFormat.schema)
      const state = await this.#state(text)
      return { ...sampling, grammarEvaluationState: () => state }
    }
    const named =
      typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : tools
    if (named.length === 0)
      throw new InvalidInputError('toolChoice names a tool that is not among the tools.')
    if (toolChoice !== undefined && toolChoice !== 'auto') {
      const state = await this.#state(callGrammar(named, { opened: false }))
      return { ...sampling, grammarEvaluationState: () => state }
    }
    // The model decides whether it calls; a call that it has begun is held to the tools.
    const fresh = await this.#grammar(callGrammar(named, { opened: true }))
    return {
      ...sampling,
      grammarEvaluationState: () => {
        if (!this.#reader.inCall) this.#callState = undefined
        else if (this.#reader.atCall) this.#callState ??= fresh()
        return this.#callState
      }
    }
  }

  async #state(text: string): Promise<GrammarState> {
    return (await this.#grammar(text))()
  }

  async #grammar(text: string): Promise<() => GrammarState> {
    const { llama, library, model } = this.#parts
    try {
      const grammar = await llama.createGrammar({ grammar: text })
      return () => new library.LlamaGrammarEvaluationState({ model, grammar })
    } catch (err) {
      throw new InvalidInputError(`The schema cannot be followed: ${(err as Error).message}.`)
    }
  }

  async *write(
    tokens: AsyncIterable<Token>,
    { promptTokens, most }: { readonly promptTokens: number; readonly most: number },
    signal: AbortSignal | undefined
  ): AsyncGenerator<InferenceChunk> {
    const { clock, threads, conversations } = this.#parts
    const { parallelToolCalls = true } = this.#params
    let finishReason = 'stop'
    let last = NOTHING
    let lastMs = clock.monotonicMs()
    for await (const token of tokens) {
      signal?.throwIfAborted()
      const nowMs = clock.monotonicMs()
      // The first one waits for the end of the prompt, and others are computed together with this one.
      if (this.#written.length > 0 && conversations.busy === 1) threads.took(nowMs - lastMs)
      lastMs = nowMs
      this.#written.push(token)
      last = this.#reader.push(this.#textOf(token))
      if (this.#reader.stopped || (!parallelToolCalls && this.#reader.calls > 0)) break
      if (this.#written.length === most) {
        finishReason = 'length'
        break
      }
      yield* this.#chunks(last)
      last = NOTHING
    }
    signal?.throwIfAborted()
    // Together, since an answer has no more pieces than tokens.
    yield* this.#chunks(sumOf(last, this.#reader.end()))
    if (this.#reader.calls > 0 && finishReason === 'stop') finishReason = 'tool_calls'
    const usage = { inputTokens: promptTokens, outputTokens: this.#written.length }
    yield { type: 'done', index: this.#index, finishReason, usage }
  }

  /** What the token adds; a character may be made of several. */
  #textOf(token: Token): string {
    const { model } = this.#parts
    this.#part.push(token)
    const before = this.#written.slice(0, -this.#part.length).slice(-BEFORE_TOKENS)
    const text = model.detokenize(this.#part, this.#hasTools, before)
    if (text.endsWith(UNFINISHED) && this.#part.length < PART_OF_CHARACTER_TOKENS) return ''
    this.#part = []
    return text
  }

  /** One, unless it is longer than a piece may be: then it was made of many tokens. */
  *#chunks({ text, reasoning, toolCalls }: Piece): Generator<InferenceChunk> {
    if (text !== '' && reasoning !== '' && text.length + reasoning.length <= PIECE_CHARS_MAX) {
      yield { type: 'delta', index: this.#index++, reasoning, text }
    } else {
      for (const part of partsOf(reasoning)) yield { type: 'delta', index: this.#index++, reasoning: part }
      for (const part of partsOf(text)) yield { type: 'text', index: this.#index++, text: part }
    }
    for (const { index, id, name, arguments: words = '' } of toolCalls) {
      const [first = '', ...more] = partsOf(words)
      yield { type: 'delta', index: this.#index++, toolCalls: [{ index, id, name, arguments: first }] }
      for (const part of more)
        yield { type: 'delta', index: this.#index++, toolCalls: [{ index, arguments: part }] }
    }
  }
}

const NOTHING: Piece = { text: '', reasoning: '', toolCalls: [] }

const sumOf = (a: Piece, b: Piece): Piece => ({
  text: a.text + b.text,
  reasoning: a.reasoning + b.reasoning,
  toolCalls: [...a.toolCalls, ...b.toolCalls]
})

const partsOf = (words: string): string[] =>
  Array.from({ length: Math.ceil(words.length / PIECE_CHARS_MAX) }, (_, n) =>
    words.slice(n * PIECE_CHARS_MAX, (n + 1) * PIECE_CHARS_MAX)
  )
