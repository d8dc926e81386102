/** Text generation: a conversation or a prompt in, an answer piece by piece out. */

import type { PreTrainedModel, PreTrainedTokenizer } from '@huggingface/transformers'
import type { InferenceChunk } from '../../../interface/chunks.ts'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { TOKENS_MAX } from '../../../interface/limits.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import { Chunks } from './answer-chunks.ts'
import { AnswerText } from './answer-text.ts'
import { type ConversationReader, offered, promptOf, tokensOfPrompt } from './prompt.ts'
import { Sampler, type Sampling } from './sampler.ts'
import { TokenText } from './token-text.ts'
import { tokensOf } from './tokens.ts'

type Input = TaskInput<'text-generation'>
type Params = TaskParams<'text-generation'>

/** Sampled from so many where a model's makers say that it is to be sampled, and no more. */
const TOP_K_DEFAULT = 50

export interface TextModel extends ConversationReader {
  readonly model: PreTrainedModel
  /** Tokens of a prompt and its answer together. */
  readonly contextTokens: number | undefined
}

export async function* generate(
  { model, contextTokens, ...reader }: TextModel,
  input: Input,
  params: Params,
  { signal }: AbortOptions
): AsyncGenerator<InferenceChunk> {
  signal?.throwIfAborted()
  const { tokenizer } = reader
  refuseOthers(params)
  const text = input.messages === undefined ? input.prompt! : promptOf(reader, input.messages, params)
  const prompt = tokensOfPrompt(tokenizer, text, { isWritten: input.messages === undefined })
  const max = roomFor(prompt.length, params.maxTokens, contextTokens)
  const tools = offered(params)
  const answer = new AnswerText({
    stops: params.stop ?? [],
    oneCall: params.parallelToolCalls === false,
    reasons: input.messages !== undefined && text.trimEnd().endsWith('<think>'),
    ...(tools.length > 0 && { tools: new Set(tools.map(({ name }) => name)) })
  })

  const sampler = new Sampler(samplingOf(params, model), prompt)
  const chunks = new Chunks(text, token => tokenizer.decode([token], { skip_special_tokens: false }))
  const words = new TokenText(tokenizer)
  const tokens = tokensOf(model, { prompt, max, sampler, ends: endsOf(model, tokenizer), signal })
  let outputTokens = 0
  let ended = false
  try {
    while (!answer.stopped) {
      const { done, value } = await tokens.next()
      if (done) {
        ended = value
        break
      }
      outputTokens++
      const pieces = answer.add(words.add(value.token))
      // An answer has no more pieces than tokens, so what is left goes with the last of them.
      if (outputTokens === max && !answer.stopped) pieces.push(...answer.add(words.end()), ...answer.end())
      yield* chunks.of(pieces, value)
    }
  } finally {
    await tokens.return(false)
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

/** What this engine cannot hold an answer to is refused, and never left undone in silence. */
function refuseOthers({ toolChoice, responseFormat }: Params): void {
  const refuse = (field: string, what: string): never => {
    throw new InvalidInputError(`${field}: the engine of this model ${what}.`, { details: { field } })
  }
  if (toolChoice === 'required' || typeof toolChoice === 'object') {
    refuse('params.toolChoice', 'cannot make the model call a tool: it knows "auto" and "none"')
  }
  if (responseFormat !== undefined && responseFormat.type !== 'text') {
    refuse('params.responseFormat', 'cannot hold an answer to JSON')
  }
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
    seed: params.seed ?? Math.floor(Math.random() * 2 ** 32),
    ...(params.logprobs && { top: params.topLogprobs ?? 0 })
  }
}

/** Tokens that end an answer by the files of the model, which do not always agree. */
function endsOf(model: PreTrainedModel, tokenizer: PreTrainedTokenizer): ReadonlySet<number> {
  const { eos_token_id: ofModel } = model.config as GenerationConfig
  const all = [configOf(model).eos_token_id, ofModel, tokenizer.eos_token_id].flat()
  return new Set(all.filter(id => typeof id === 'number'))
}
