/**
 * Runs a decoder token by token. It is a generator, so the model does no more than its reader asks for: a slow reader
 * holds up its own answer, one that leaves ends it, and several answers take turns.
 */

import { type PreTrainedModel, Tensor } from '@huggingface/transformers'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Choice } from '../text/answer-chunks.ts'
import { turn } from '../turn.ts'
import type { Guard } from './guard.ts'
import type { Sampler } from './sampler.ts'

/** A run cannot be interrupted, so a long prompt is read in runs of so many tokens. */
const RUN_TOKENS = 256

/** To choose a token sorts all that the model knows, so other requests have their turn after so many that were said. */
const TURN_TOKENS = 16

/** What the library's own loop works with, and its types leave out. */
interface Decoder {
  readonly sessions: Readonly<Record<string, { readonly inputNames: readonly string[] } | undefined>>
  prepare_inputs_for_generation(ids: null, inputs: Inputs, config: null): Inputs
  forward(inputs: Inputs): Promise<{ readonly logits: Tensor }>
  _update_model_kwargs_for_generation(options: {
    generated_input_ids: bigint[][]
    outputs: object
    model_inputs: Inputs
    is_encoder_decoder: false
  }): Inputs
}
interface Inputs {
  input_ids: Tensor
  attention_mask: Tensor
  past_key_values?: { dispose(): Promise<void> }
}

export interface TokensOptions extends AbortOptions {
  readonly prompt: readonly number[]
  /** Tokens of the answer that were said: they come first, as they are. */
  readonly said: readonly number[]
  readonly max: number
  readonly sampler: Sampler
  /** What the next token is held to; asked for before each. */
  readonly guard?: () => Guard | undefined
  /** Tokens that end an answer; they are no part of it. */
  readonly ends: ReadonlySet<number>
}

export interface Made extends Choice {
  /** Of a token that was said: whether the model would have chosen it. */
  readonly isOwn?: boolean
}

/** The tokens of the answer. @returns whether the model ended it by itself. */
export async function* tokensOf(
  model: PreTrainedModel,
  { prompt, said, max, sampler, guard, ends, signal }: TokensOptions
): AsyncGenerator<Made, boolean> {
  const decoder = model as unknown as Decoder
  const known = [...prompt, ...said]
  const runTokens = keepsAll(decoder) ? RUN_TOKENS : known.length
  let past: Inputs['past_key_values']
  let length = 0
  const run = async (tokens: readonly number[]): Promise<Scores> => {
    signal?.throwIfAborted()
    length += tokens.length
    const inputs = {
      input_ids: int64(tokens.map(BigInt)),
      attention_mask: int64(Array<bigint>(length).fill(1n)),
      ...(past !== undefined && { past_key_values: past })
    }
    const model_inputs = decoder.prepare_inputs_for_generation(null, inputs, null)
    const outputs = await decoder.forward(model_inputs)
    past = decoder._update_model_kwargs_for_generation({
      ...{ generated_input_ids: [[0n]], outputs, model_inputs, is_encoder_decoder: false }
    }).past_key_values
    return scoresOf(outputs.logits, tokens.length)
  }

  try {
    let scores: Scores | undefined
    for (let at = 0; at < known.length; at += runTokens) {
      const tokens = known.slice(at, at + runTokens)
      scores = await run(tokens)
      for (let i = Math.max(0, prompt.length - 1 - at); i < tokens.length; i++) {
        const token = known[at + i + 1]
        if (token === undefined) continue
        if (i % TURN_TOKENS === 0) await turn(signal)
        else signal?.throwIfAborted()
        yield { token, isOwn: sampler.follow(token, scores(i), guard?.()) }
      }
    }
    if (said.length > 0 && guard?.()?.isComplete) return true
    for (let made = said.length; ; made++) {
      if (made === max) return false
      const choice = sampler.choose(scores!(-1)!, guard?.())
      if (ends.has(choice.token)) return true
      yield choice
      if (guard?.()?.isComplete) return true
      if (made + 1 === max) return false
      scores = await run([choice.token])
    }
  } finally {
    await past?.dispose()
  }
}

/** Whether its memory of a prompt is that of its tokens, and so may grow by several: other kinds keep a state. */
const keepsAll = ({ sessions }: Decoder): boolean =>
  (sessions.model ?? sessions.decoder_model_merged)?.inputNames.every(
    name => !name.startsWith('past') || name.startsWith('past_key_values')
  ) ?? false

/** The scores of all tokens to come after one of a run; -1: after the last. Undefined where the model does not give them. */
type Scores = (at: number) => Float32Array | undefined

function scoresOf(logits: Tensor, tokens: number): Scores {
  const { dims, data } = logits.type === 'float32' ? logits : logits.to('float32')
  const all = data as Float32Array
  const width = dims.at(-1)!
  const first = tokens - all.length / width
  return at => {
    const row = (at < 0 ? tokens + at : at) - first
    return row < 0 ? undefined : all.subarray(row * width, (row + 1) * width)
  }
}

const int64 = (values: bigint[]): Tensor =>
  new Tensor('int64', BigInt64Array.from(values), [1, values.length])
