/** Text generation: a conversation or a prompt in, an answer piece by piece out. */

import { createHash } from 'node:crypto'
import type { PreTrainedModel, PreTrainedTokenizer } from '@huggingface/transformers'
import type { DeltaChunk, InferenceChunk } from '../../../interface/chunks.ts'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { TOKENS_MAX } from '../../../interface/limits.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import { AnswerText, type Piece } from './answer-text.ts'
import { offered, promptOf } from './prompt.ts'
import { Sampler, type Sampling } from './sampler.ts'
import { TokenText } from './token-text.ts'
import { tokensOf } from './tokens.ts'

type Input = TaskInput<'text-generation'>
type Params = TaskParams<'text-generation'>

/** A piece of a call holds so many characters; `TEXT_PIECE_CHARS_MAX` is of the whole piece. */
const PIECE_CHARS_MAX = 16 * 1024
/** Characters of a call's id: Mistral's templates take nine letters and digits, and others anything. */
const CALL_ID_CHARS = 9
/** Sampled from so many where a model's makers say that it is to be sampled, and no more. */
const TOP_K_DEFAULT = 50

export interface TextModel {
  readonly tokenizer: PreTrainedTokenizer
  readonly model: PreTrainedModel
  /** Tokens of a prompt and its answer together. */
  readonly contextTokens: number | undefined
}

export async function* generate(
  { tokenizer, model, contextTokens }: TextModel,
  input: Input,
  params: Params,
  { signal }: AbortOptions
): AsyncGenerator<InferenceChunk> {
  signal?.throwIfAborted()
  refuseOthers(params)
  const text = input.messages === undefined ? input.prompt! : promptOf(tokenizer, input.messages, params)
  const prompt = tokenizer.encode(text, { add_special_tokens: input.messages === undefined })
  const max = roomFor(prompt.length, params.maxTokens, contextTokens)
  const tools = offered(params)
  const answer = new AnswerText({
    stops: params.stop ?? [],
    oneCall: params.parallelToolCalls === false,
    reasons: input.messages !== undefined && text.trimEnd().endsWith('<think>'),
    ...(tools.length > 0 && { tools: new Set(tools.map(({ name }) => name)) })
  })

  const sampler = new Sampler(samplingOf(params, model), prompt)
  const chunks = new Chunks(text)
  const words = new TokenText(tokenizer)
  const tokens = tokensOf(model, { prompt, max, sampler, ends: endsOf(model, tokenizer), signal })
  let outputTokens = 0
  let ended = false
  for (;;) {
    const { done, value } = await tokens.next()
    if (done) {
      ended = value
      break
    }
    outputTokens++
    const pieces = answer.add(words.add(value))
    // An answer has no more pieces than tokens, so what is left goes with the last of them.
    if (outputTokens === max && !answer.stopped) pieces.push(...answer.add(words.end()), ...answer.end())
    yield* chunks.of(pieces, value)
    if (answer.stopped) {
      await tokens.return(true)
      break
    }
  }
  if (outputTokens < max) yield* chunks.of([...answer.add(words.end()), ...answer.end()])
  const finishReason = answer.calls > 0 ? 'tool_calls' : ended || answer.stopped ? 'stop' : 'length'
  yield {
    type: 'done',
    index: chunks.count,
    finishReason,
    usage: { inputTokens: prompt.length, outputTokens }
  }
}

type Part = Pick<DeltaChunk, 'text' | 'reasoning' | 'toolCalls'>

/** Pieces of an answer as chunks: one for all that a token completes, with the tokens that came since the one before. */
class Chunks {
  readonly #prompt: string
  #tokens: number[] = []
  #calls = 0
  count = 0

  constructor(prompt: string) {
    this.#prompt = prompt
  }

  *of(pieces: readonly Piece[], token?: number): Generator<DeltaChunk> {
    if (token !== undefined) this.#tokens.push(token)
    let waiting: Part | undefined
    for (const part of pieces.flatMap(piece => this.#partsOf(piece))) {
      if (waiting !== undefined && charsOf(waiting) + charsOf(part) > PIECE_CHARS_MAX) {
        yield this.#delta(waiting)
        waiting = undefined
      }
      waiting = waiting === undefined ? part : joined(waiting, part)
    }
    if (waiting !== undefined) yield this.#delta(waiting)
  }

  #partsOf(piece: Piece): Part[] {
    if ('text' in piece) return split(piece.text).map(text => ({ text }))
    if ('reasoning' in piece) return split(piece.reasoning).map(reasoning => ({ reasoning }))
    const index = this.#calls++
    const head = { id: this.#idOf(index), name: piece.call.name }
    return split(piece.call.arguments).map((part, at) => ({
      toolCalls: [{ index, ...(at === 0 && head), arguments: part }]
    }))
  }

  /** The same conversation gets the same ids, and a longer one others. */
  #idOf(call: number): string {
    const hash = createHash('sha256').update(`${call} ${this.#prompt}`).digest('base64url')
    return hash.replaceAll(/[-_]/g, '').slice(0, CALL_ID_CHARS)
  }

  #delta(part: Part): DeltaChunk {
    const tokens = this.#tokens
    this.#tokens = []
    return { type: 'delta', index: this.count++, ...part, ...(tokens.length > 0 && { tokens }) }
  }
}

const charsOf = ({ text = '', reasoning = '', toolCalls = [] }: Part): number =>
  toolCalls.reduce((sum, { arguments: json = '' }) => sum + json.length, text.length + reasoning.length)

function joined(one: Part, other: Part): Part {
  const text = (one.text ?? '') + (other.text ?? '')
  const reasoning = (one.reasoning ?? '') + (other.reasoning ?? '')
  const toolCalls = [...(one.toolCalls ?? []), ...(other.toolCalls ?? [])]
  return {
    ...(text !== '' && { text }),
    ...(reasoning !== '' && { reasoning }),
    ...(toolCalls.length > 0 && { toolCalls })
  }
}

const HIGH_SURROGATE_AT_END = /[\ud800-\udbff]$/

/** No part ends in the middle of a character. */
function split(text: string): string[] {
  const parts: string[] = []
  for (let at = 0; at < text.length; at += parts.at(-1)!.length) {
    parts.push(
      text
        .slice(at, at + PIECE_CHARS_MAX)
        .replace(at + PIECE_CHARS_MAX < text.length ? HIGH_SURROGATE_AT_END : /$^/, '')
    )
  }
  return parts
}

/** What this engine cannot hold an answer to is refused, and never left undone in silence. */
function refuseOthers({ toolChoice, responseFormat, logprobs }: Params): void {
  const refuse = (field: string, what: string): never => {
    throw new InvalidInputError(`${field}: the engine of this model ${what}.`, { details: { field } })
  }
  if (toolChoice === 'required' || typeof toolChoice === 'object') {
    refuse('params.toolChoice', 'cannot make the model call a tool: it knows "auto" and "none"')
  }
  if (responseFormat !== undefined && responseFormat.type !== 'text') {
    refuse('params.responseFormat', 'cannot hold an answer to JSON')
  }
  if (logprobs) refuse('params.logprobs', 'gives no log-probabilities')
}

/** @throws {LumosError} `CONTEXT_TOO_SMALL` before anything is run. */
function roomFor(
  promptTokens: number,
  maxTokens: number | undefined,
  contextTokens = Number.MAX_SAFE_INTEGER
): number {
  if (promptTokens === 0) throw new InvalidInputError('The prompt is empty.')
  const wanted = maxTokens ?? 1
  if (promptTokens + wanted > contextTokens) {
    throw new LumosError(
      'CONTEXT_TOO_SMALL',
      `The prompt has ${promptTokens} tokens and the answer may have ${wanted}; the model has room for ${contextTokens} together.`,
      { details: { contextTokens, promptTokens, maxTokens: wanted } }
    )
  }
  return maxTokens ?? Math.min(contextTokens - promptTokens, TOKENS_MAX)
}

interface GenerationConfig {
  readonly do_sample?: boolean
  readonly temperature?: number
  readonly top_p?: number
  readonly top_k?: number
  readonly min_p?: number
  readonly repetition_penalty?: number
  readonly eos_token_id?: number | readonly number[]
}

const configOf = (model: PreTrainedModel): GenerationConfig =>
  (model.generation_config ?? {}) as GenerationConfig

/** What is left out is what the model's makers set, and greedy where they set nothing. */
function samplingOf(params: Params, model: PreTrainedModel): Sampling {
  const { do_sample: samples = false, ...makers } = configOf(model)
  const temperature = params.temperature ?? (samples ? (makers.temperature ?? 1) : 0)
  return {
    temperature,
    topP: params.topP ?? (samples ? (makers.top_p ?? 1) : 1),
    topK: params.topK ?? (samples ? (makers.top_k ?? TOP_K_DEFAULT) : 0),
    minP: params.minP ?? (samples ? (makers.min_p ?? 0) : 0),
    frequencyPenalty: params.frequencyPenalty ?? 0,
    presencePenalty: params.presencePenalty ?? 0,
    repetitionPenalty: params.repetitionPenalty ?? makers.repetition_penalty ?? 1,
    seed: params.seed ?? Math.floor(Math.random() * 2 ** 32)
  }
}

/** Tokens that end an answer by the files of the model, which do not always agree. */
function endsOf(model: PreTrainedModel, tokenizer: PreTrainedTokenizer): ReadonlySet<number> {
  const { eos_token_id: ofModel } = model.config as GenerationConfig
  const all = [configOf(model).eos_token_id, ofModel, tokenizer.eos_token_id].flat()
  return new Set(all.filter(id => typeof id === 'number'))
}
