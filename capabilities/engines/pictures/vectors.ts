/** Vectors of length 1, so that their product says how alike two of them are. */

import { EngineFailedError, LumosError } from '../../../interface/errors.ts'
import { VECTORS_BYTES_MAX } from '../../../interface/limits.ts'
import type { TaskOutput } from '../../../interface/tasks/index.ts'
import { normalized } from '../vectors.ts'
import { mustBeNumbers } from './scores.ts'

/** A tensor of either runtime. */
export interface TensorLike {
  readonly type: string
  readonly dims: readonly number[]
  readonly data: unknown
}

/** The rows of a tensor, each of length 1. */
export function rowsOf(tensor: TensorLike | undefined, count: number): Float32Array[] {
  const { data, dims } = tensor ?? {}
  if (!(data instanceof Float32Array) || dims?.length !== 2 || dims[0] !== count) {
    throw new EngineFailedError(`The graph answered ${tensor?.type}[${dims}], and no ${count} vectors.`)
  }
  mustBeNumbers(data)
  const width = dims[1]!
  return Array.from({ length: count }, (_, row) => normalized(data.slice(row * width, (row + 1) * width)))
}

/** @throws {LumosError} `INPUT_TOO_LARGE` when they are too many for an answer. */
export function answerOf(vectors: readonly Float32Array[]): TaskOutput<'feature-extraction'> {
  const dimensions = vectors[0]!.length
  const numbers = vectors.length * dimensions
  if (numbers * Float32Array.BYTES_PER_ELEMENT > VECTORS_BYTES_MAX) {
    throw new LumosError(
      'INPUT_TOO_LARGE',
      `The vectors are larger than ${VECTORS_BYTES_MAX} bytes: ask for fewer at once.`
    )
  }
  const all = new Float32Array(numbers)
  for (const [row, vector] of vectors.entries()) all.set(vector, row * dimensions)
  return { dimensions, vectors: new Uint8Array(all.buffer) }
}
