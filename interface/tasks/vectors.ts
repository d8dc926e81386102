/** Vectors in the answers of tasks: texts and pictures give the same form, so that the two can be compared. */

import * as z from 'zod'
import { VECTORS_BYTES_MAX } from '../limits.ts'
import { bytesMax } from './bytes.ts'

export const DIMENSIONS_MAX = 65_536

export const Vectors = z
  .object({
    dimensions: z.int().min(1).max(DIMENSIONS_MAX),
    /** One after the other, each `dimensions` numbers: float32, little-endian. */
    vectors: bytesMax(VECTORS_BYTES_MAX)
  })
  .refine(({ dimensions, vectors }) => vectors.byteLength % (4 * dimensions) === 0, {
    error: 'dimensions and vectors disagree about the number of bytes'
  })
