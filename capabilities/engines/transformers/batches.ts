/** Texts as a model reads them: as tokens, and those of several requests at once. */

import { type PreTrainedTokenizer, Tensor } from '@huggingface/transformers'
import { systemClock } from '../../../interface/clock.ts'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { Batcher } from '../batching/batcher.ts'
import type { ControlText } from '../text/control-text.ts'
import { inTurns } from '../text/in-turns.ts'

/** Where a batch pays, what each run takes is spread over enough of them. */
const BATCH_TEXTS_MAX = 32
/** Filling included. Bounds the memory of a run. */
const BATCH_TOKENS_MAX = 4096

/** A text, or a pair of them, as tokens. */
export interface Tokenized {
  readonly ids: readonly number[]
  readonly types: readonly number[]
}

export interface TextReader {
  readonly tokenizer: PreTrainedTokenizer
  readonly control: ControlText
  readonly contextTokens: number | undefined
  /** Texts that are run together at most, as the owner has set it. */
  readonly batch?: number | undefined
}

/** What a tokenizer is besides its types. */
type Encode = (text: string, options: object) => { input_ids: number[]; token_type_ids?: number[] }

/** @throws {LumosError} `CONTEXT_TOO_SMALL` for a text that the model would have to cut. */
export async function tokenized(
  { tokenizer, control, contextTokens }: TextReader,
  texts: readonly (readonly [text: string, pair?: string])[],
  { signal }: AbortOptions
): Promise<Tokenized[]> {
  const encode = tokenizer as unknown as Encode
  const read = ([text, pair]: readonly [text: string, pair?: string], at: number): Tokenized => {
    const { input_ids: ids, token_type_ids: types = ids.map(() => 0) } = encode(control.spaced(text), {
      ...{
        text_pair: pair === undefined ? null : control.spaced(pair),
        padding: false,
        truncation: false,
        return_tensor: false
      },
      return_token_type_ids: true
    })
    if (ids.length === 0) throw new InvalidInputError(`Text ${at} is empty.`)
    if (contextTokens !== undefined && ids.length > contextTokens) {
      throw new LumosError(
        'CONTEXT_TOO_SMALL',
        `Text ${at} has ${ids.length} tokens; the model has room for ${contextTokens}.`,
        { details: { contextTokens, promptTokens: ids.length, maxTokens: 0 } }
      )
    }
    return { ids, types }
  }
  return await inTurns(texts, read, { contextTokens, signal })
}

/** @param run is given texts by length, and gives something for each. */
export const textBatcher = <O>(
  { batch: most = BATCH_TEXTS_MAX }: Pick<TextReader, 'batch'>,
  run: (batch: readonly Tokenized[]) => Promise<readonly O[]>
): Batcher<Tokenized, O> =>
  new Batcher({
    clock: systemClock,
    limits: { items: Math.min(BATCH_TEXTS_MAX, most), padded: BATCH_TOKENS_MAX },
    lengthOf: ({ ids }) => ids.length,
    run
  })

export const tokensIn = (texts: readonly Tokenized[]): number =>
  texts.reduce((sum, { ids }) => sum + ids.length, 0)

/** What the model is run with. Filling comes after the text, and the mask says so. */
export function inputsOf(batch: readonly Tokenized[], filling: number): Record<string, Tensor> {
  const length = batch.at(-1)!.ids.length
  const tensor = (value: (text: Tokenized, at: number) => number): Tensor => {
    const numbers = batch.flatMap(text => Array.from({ length }, (_, at) => BigInt(value(text, at))))
    return new Tensor('int64', BigInt64Array.from(numbers), [batch.length, length])
  }
  return {
    input_ids: tensor(({ ids }, at) => ids[at] ?? filling),
    attention_mask: tensor(({ ids }, at) => (at < ids.length ? 1 : 0)),
    token_type_ids: tensor(({ types }, at) => types[at] ?? 0)
  }
}
