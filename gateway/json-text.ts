import { InvalidInputError } from '../interface/errors.ts'

/** More than any unit takes besides bytes; the network's thread takes them over in some ten milliseconds. */
export const VALUES_MAX = 100_000
/** Deeper than any unit takes; far from the depth at which a stack overflows. */
export const DEPTH_MAX = 64

/** @throws {InvalidInputError} */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (err) {
    throw new InvalidInputError('The body is not JSON.', { cause: err })
  }
}
