/** How a text is to be generated: what all faces have in common. */

import * as z from 'zod'
import { KeepAlive } from '../../interface/amounts.ts'
import { GenerationParams, STOP_CHARS_MAX, STOPS_MAX } from '../../interface/tasks/generation-params.ts'
import { listOf, maybe, unsupported } from './schema.ts'

/** Answers to one question: each is a request of its own, and takes a slot. */
const CHOICES_MAX = 16
const UNBOUNDED = -1
/** 0 means the likeliest token alone, which the least share of the probability comes to. */
const TOP_P_MIN = 1e-6

export const Stop = z.string().min(1).max(STOP_CHARS_MAX)
const { frequencyPenalty, presencePenalty, repetitionPenalty, seed, topK, minP, temperature, maxTokens } =
  GenerationParams.shape

/** -1 is how LM Studio and llama.cpp say what is meant where nothing is said: as many as the model has room for. */
export const MaxTokens = z
  .unknown()
  .optional()
  .transform(tokens => (tokens === UNBOUNDED ? undefined : tokens))
  .pipe(maybe(maxTokens.unwrap()))
export const Choices = z
  .int()
  .min(1)
  .max(CHOICES_MAX)
  .nullish()
  .transform(n => n ?? 1)

/** Not of OpenAI: Ollama's word for how long the model stays loaded. */
export const StaysLoaded = maybe(KeepAlive)
export const Temperature = maybe(temperature)
export const TopP = maybe(z.number().min(0).max(1)).transform(p =>
  p === undefined ? p : Math.max(p, TOP_P_MIN)
)

export const TopK = maybe(topK)

export const Sampling = {
  temperature: Temperature,
  top_p: TopP,
  /** Not of OpenAI; most servers that speak its protocol know them. */
  top_k: TopK,
  min_p: maybe(minP),
  repetition_penalty: maybe(repetitionPenalty),
  frequency_penalty: maybe(frequencyPenalty),
  presence_penalty: maybe(presencePenalty),
  seed: maybe(seed),
  keep_alive: StaysLoaded,
  stop: maybe(z.union([Stop, listOf(Stop, STOPS_MAX, 0)])),
  logit_bias: unsupported(value => value instanceof Object && Object.keys(value).length === 0)
}
type Sampling = { readonly [Key in keyof typeof Sampling]?: z.output<(typeof Sampling)[Key]> }

/** The parameters as units take them. */
export function samplingOf(body: Sampling): Record<string, unknown> {
  const { stop } = body
  const { temperature, top_p, top_k, min_p, repetition_penalty, frequency_penalty, presence_penalty, seed } =
    body
  const { keep_alive } = body
  return {
    ...{ temperature, top_p, top_k, min_p, repetition_penalty, frequency_penalty, presence_penalty, seed },
    keep_alive,
    stop: typeof stop === 'string' ? [stop] : stop
  }
}

/** A seed repeats an answer, so that of each choice is one of its own. */
export const inputOf = (
  input: Readonly<Record<string, unknown>>,
  choice: number
): Record<string, unknown> => {
  const { seed } = input
  return choice > 0 && typeof seed === 'number' ? { ...input, seed: seed + choice } : { ...input }
}
