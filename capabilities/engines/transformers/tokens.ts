/**
 * Runs a decoder token by token. It is a generator, so the model does no more than its reader asks for: a slow reader
 * holds up its own answer, one that leaves ends it, and several answers take turns.
 */

import { type PreTrainedModel, Tensor } from '@huggingface/transformers'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Choice } from '../text/answer-chunks.ts'
import type { Guard } from './guard.ts'
import type { Sampler } from './sampler.ts'

/** A run cannot be interrupted, so a long prompt is read in runs of so many tokens. */
const RUN_TOKENS = 256

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
  readonly max: number
  readonly sampler: Sampler
  /** What the next token is held to; asked for before each. */
  readonly guard?: () => Guard | undefined
  /** Tokens that end an answer; they are no part of it. */
  readonly ends: ReadonlySet<number>
}

/** The tokens of the answer. @returns whether the model ended it by itself. */
export async function* tokensOf(
  model: PreTrainedModel,
  { prompt, max, sampler, guard, ends, signal }: TokensOptions
): AsyncGenerator<Choice, boolean> {
  const decoder = model as unknown as Decoder
  const runTokens = keepsAll(decoder) ? RUN_TOKENS : prompt.length
  let past: Inputs['past_key_values']
  let length = 0
  const run = async (tokens: readonly number[]): Promise<Float32Array> => {
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
    return lastOf(outputs.logits)
  }

  try {
    let scores: Float32Array | undefined
    for (let at = 0; at < prompt.length; at += runTokens) scores = await run(prompt.slice(at, at + runTokens))
    for (let made = 0; ; made++) {
      const choice = sampler.choose(scores!, guard?.())
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

/** The scores of all tokens to come next. */
function lastOf(logits: Tensor): Float32Array {
  const { dims, data } = logits.type === 'float32' ? logits : logits.to('float32')
  return (data as Float32Array).subarray(-dims.at(-1)!)
}

const int64 = (values: bigint[]): Tensor =>
  new Tensor('int64', BigInt64Array.from(values), [1, values.length])
