/** Vectors in the answers of tasks: texts and pictures give the same form, so that the two can be compared. */

import * as z from 'zod'
import { VECTORS_BYTES_MAX } from '../limits.ts'
import { areNear, floatsOf } from './agreement.ts'
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

interface Rows {
  readonly dimensions: number
  readonly vectors: Uint8Array
}

/** Whether they are one for each that was asked about, and numbers. */
export const areVectorsOf = ({ dimensions, vectors }: Rows, count: number): boolean =>
  vectors.byteLength === 4 * dimensions * count && floatsOf(vectors).every(Number.isFinite)

/** Whether each vector is near the one at its place. */
export function areNearVectors(one: Rows, other: Rows): boolean {
  if (one.dimensions !== other.dimensions || one.vectors.length !== other.vectors.length) return false
  const [a, b] = [floatsOf(one.vectors), floatsOf(other.vectors)]
  const { dimensions } = one
  for (let at = 0; at < a.length; at += dimensions)
    if (!areNear(a.slice(at, at + dimensions), b.slice(at, at + dimensions))) return false
  return true
}
