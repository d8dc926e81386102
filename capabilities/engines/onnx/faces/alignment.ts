/** Where the parts of a face are in the pictures that ArcFace embeds. */

import { type Affine, inverse, type Point, similarity } from '../geometry.ts'

/** Pixels of a side. */
export const ALIGNED_SIDE = 112
/** Two eyes, the nose, two corners of the mouth, as ArcFace was trained with. */
export const ALIGNED_POINTS: readonly Point[] = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041]
]

/** From the aligned picture to the one with these points; undefined where they are at one place. */
export function fromAligned(points: readonly Point[]): Affine | undefined {
  const toAligned = similarity(points, ALIGNED_POINTS)
  return toAligned && inverse(toAligned)
}

/** The vector with length 1; undefined for one without a length. */
export function unit(vector: Float32Array): Float32Array | undefined {
  const length = Math.hypot(...vector)
  return length > 0 && Number.isFinite(length) ? vector.map(number => number / length) : undefined
}

/** The cosine of two vectors of length 1. */
export function cosine(a: Float32Array, b: Float32Array): number {
  const sum = a.reduce((total, number, i) => total + number * b[i]!, 0)
  return Math.min(Math.max(sum, -1), 1)
}
