/** Feature extraction: texts in, one vector of length 1 for each out. */

import type { PreTrainedModel, Tensor } from '@huggingface/transformers'
import { EngineFailedError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { VECTORS_BYTES_MAX } from '../../../interface/limits.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import { dimensionsOf, normalized } from '../vectors.ts'
import { inputsOf, type TextReader, type Tokenized, textBatcher, tokenized, tokensIn } from './batches.ts'
import type { Pooling } from './repository.ts'

export interface EmbeddingModel extends TextReader {
  readonly model: PreTrainedModel
  readonly pooling: Pooling
}

/** What a model says of a batch. Some exports pool by themselves. */
interface Features {
  readonly sentence_embedding?: Tensor
  readonly last_hidden_state?: Tensor
  readonly token_embeddings?: Tensor
}

/** Answers requests for vectors, those of several together. */
export function embedding({ model, pooling, ...reader }: EmbeddingModel) {
  const batcher = textBatcher(reader, batch => vectorsOf(batch, { model, pooling, ...reader }))
  return async (
    { texts }: TaskInput<'feature-extraction'>,
    { dimensions: wanted }: TaskParams<'feature-extraction'>,
    options: AbortOptions
  ): Promise<{ output: unknown; inputTokens: number }> => {
    const all = await tokenized(
      reader,
      texts.map(text => [text] as const),
      options
    )
    const found = await batcher.all(all, options)
    const dimensions = dimensionsOf(found[0]!.length, wanted)
    const vectors = new Float32Array(bounded(texts.length * dimensions))
    for (const [at, vector] of found.entries())
      vectors.set(normalized(vector.subarray(0, dimensions)), at * dimensions)
    return { output: { dimensions, vectors: new Uint8Array(vectors.buffer) }, inputTokens: tokensIn(all) }
  }
}

/** One for each text, as the model gives it. */
async function vectorsOf(
  batch: readonly Tokenized[],
  { model, pooling, tokenizer }: EmbeddingModel
): Promise<Float32Array[]> {
  const features: Features = await model(inputsOf(batch, tokenizer.pad_token_id ?? 0))
  const tensor = features.sentence_embedding ?? features.last_hidden_state ?? features.token_embeddings
  if (tensor === undefined) throw new EngineFailedError('The graph gives no vectors for tokens.')
  const { data, dims } = tensor.to('float32')
  if (dims[0] !== batch.length) throw new EngineFailedError(`The graph answered [${dims}].`)
  const width = dims.at(-1)!
  return batch.map((text, row) => {
    const numbers = (data as Float32Array).subarray((row * data.length) / batch.length)
    return dims.length === 2 ? numbers.slice(0, width) : pooled(numbers, width, text, pooling)
  })
}

function bounded(numbers: number): number {
  if (numbers * Float32Array.BYTES_PER_ELEMENT <= VECTORS_BYTES_MAX) return numbers
  throw new LumosError(
    'INPUT_TOO_LARGE',
    `The vectors of these texts are larger than ${VECTORS_BYTES_MAX} bytes: ask for fewer at once.`
  )
}

/** One vector of those of a text's tokens, which lie one after the other; those of the filling come after. */
function pooled(numbers: Float32Array, width: number, { ids }: Tokenized, pooling: Pooling): Float32Array {
  if (pooling === 'cls') return numbers.slice(0, width)
  if (pooling === 'last') return numbers.slice((ids.length - 1) * width, ids.length * width)
  const sum = new Float32Array(width)
  for (let at = 0; at < ids.length * width; at++) sum[at % width]! += numbers[at]!
  return sum.map(value => value / ids.length)
}
