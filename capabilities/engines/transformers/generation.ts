/** Text generation: a conversation or a prompt in, an answer piece by piece out. */

import type { PreTrainedModel, PreTrainedTokenizer } from '@huggingface/transformers'
import type { InferenceChunk } from '../../../interface/chunks.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Resume } from '../../../interface/resume.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import { AnswerWriter, type AnswerWriterOptions, reasonsAfter } from '../text/answer-writer.ts'
import { type Constraint, constraintOf } from '../text/constraint.ts'
import { piecesOf } from '../text/control-text.ts'
import { noRoom, roomFor } from '../text/room.ts'
import { continuedChunk, tokensSaid, type Vocabulary } from '../text/said-tokens.ts'
import { Guard } from './guard.ts'
import { type ConversationReader, promptOf, tokensOfPrompt } from './prompt.ts'
import { Sampler, type Sampling } from './sampler.ts'
import type { TokenBytes } from './token-bytes.ts'
import { TokenText } from './token-text.ts'
import { tokensOf } from './tokens.ts'

type Input = TaskInput<'text-generation'>
type Params = TaskParams<'text-generation'>

/** Sampled from so many where a model's makers say that it is to be sampled, and no more. */
const TOP_K_DEFAULT = 50

export interface TextModel extends ConversationReader {
  readonly model: PreTrainedModel
  /** Worked out when an answer is first held to something. */
  tokenBytes(): TokenBytes
  /** Tokens of a prompt and its answer together. */
  readonly contextTokens: number | undefined
}

export async function* generate(
  { model, contextTokens, tokenBytes, ...reader }: TextModel,
  input: Input,
  params: Params,
  { signal, resume }: AbortOptions & { readonly resume?: Resume | undefined }
): AsyncGenerator<InferenceChunk> {
  signal?.throwIfAborted()
  const { tokenizer } = reader
  const constraint = constraintOf(params)
  const { messages, prompt: given = '' } = input
  const isConversation = messages !== undefined
  const text = isConversation ? promptOf(reader, messages, params) : given
  const prompt = tokensOfPrompt(tokenizer, text, { isWritten: !isConversation })
  const max = roomFor(prompt.length, params.maxTokens, contextTokens)
  const ends = endsOf(model, tokenizer)
  const writing: AnswerWriterOptions = {
    ...{ params, prompt: text, isConversation, most: max, constraint, resume },
    textOf: token => tokenizer.decode([token], { skip_special_tokens: false })
  }
  const answer = new AnswerWriter(writing)
  const said =
    resume === undefined
      ? []
      : await tokensSaid(resume, vocabularyOf(reader, ends), () => new AnswerWriter(writing), {
          ...{ reasons: reasonsAfter(text, isConversation), most: max, signal }
        })
  if (said.length > max) throw noRoom(prompt.length, said.length, contextTokens)
  const begin = (room: number) => new Guard(constraint!.grammar, tokenBytes(), { ends, room })
  const guards = constraint && new Guards(constraint, answer, begin, max)
  const words = new TokenText(tokenizer)
  const tokens = tokensOf(model, {
    ...{ prompt, said, max, ends, signal },
    sampler: new Sampler(samplingOf(params, model), prompt),
    ...(guards !== undefined && { guard: () => guards.current })
  })
  let hasEnded = false
  let left = said.length
  /** The rest of a piece that was cut. */
  const unsaid: InferenceChunk[] = []
  let isExact = true
  try {
    while (!answer.isOver || left > 0) {
      const { done, value } = await tokens.next()
      if (done) {
        hasEnded = value
        break
      }
      const { token, isOwn } = value
      if (isOwn === undefined) {
        yield* answer.add(value, words.add(token), () => words.end())
        continue
      }
      left--
      isExact &&= isOwn
      unsaid.push(...answer.add(undefined, words.add(token), () => words.end()))
      if (left > 0) continue
      yield continuedChunk(resume!, isExact)
      yield* unsaid
    }
  } finally {
    await tokens.return(false)
  }
  yield* answer.end(hasEnded && guards?.isShortened !== true, words.end(), prompt.length)
}

/** One guard for an answer, and one for each call where only calls are held to something. */
class Guards {
  readonly #constraint: Constraint
  readonly #answer: AnswerWriter
  readonly #begin: () => Guard
  #guard: Guard | undefined

  constructor(constraint: Constraint, answer: AnswerWriter, begin: (room: number) => Guard, max: number) {
    this.#constraint = constraint
    this.#answer = answer
    this.#begin = () => begin(max - answer.tokens)
  }

  /** What the next token is held to. */
  get current(): Guard | undefined {
    const { held } = this.#answer
    if (this.#constraint.of === 'answer') {
      if (held === undefined) return undefined
      this.#guard ??= this.#begin()
    } else if (held === undefined) this.#guard = undefined
    else if (this.#guard === undefined) {
      const begun = this.#begin()
      // A token may hold the mark of a call and its beginning. What the tools do not allow is left to the model.
      if (begun.takeText(held)) this.#guard = begun
    }
    return this.#guard
  }

  /** Whether the answer had to end sooner than the model would have ended it. */
  get isShortened(): boolean {
    return this.#guard?.isShortened ?? false
  }
}

function vocabularyOf({ tokenizer, control }: ConversationReader, ends: ReadonlySet<number>): Vocabulary {
  const { size } = tokenizer.get_vocab()
  const encode = (text: string) => tokenizer.encode(text, { add_special_tokens: false })
  return {
    has: token => token < size && !ends.has(token),
    newText: () => new TokenText(tokenizer),
    tokensOf: text => piecesOf(control.parted(text)).flatMap(encode),
    tokensOfMark: encode
  }
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
