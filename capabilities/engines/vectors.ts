/** Vectors of texts and pictures: of length 1, and as long as was asked for. */

import { InvalidInputError } from '../../interface/errors.ts'

/** Of length 1; a vector of zeros stays one. */
export function normalized(vector: Float32Array): Float32Array {
  const length = Math.sqrt(product(vector, vector))
  return length === 0 ? vector : vector.map(value => value / length)
}

export function product(some: Float32Array, others: Float32Array): number {
  let sum = 0
  for (let at = 0; at < some.length; at++) sum += some[at]! * others[at]!
  return sum
}

/**
 * Numbers of each vector of an answer.
 *
 * @param width of the vectors of the model.
 * @throws {InvalidInputError} where more of them are wanted.
 */
export function dimensionsOf(width: number, wanted = width): number {
  if (wanted <= width) return wanted
  throw new InvalidInputError(
    `params.dimensions: the vectors of this model have ${width} numbers, not ${wanted}.`,
    { details: { field: 'params.dimensions' } }
  )
}
