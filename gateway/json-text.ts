import { InvalidInputError } from '../interface/errors.ts'

/** @throws {InvalidInputError} */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (err) {
    throw new InvalidInputError('The body is not JSON.', { cause: err })
  }
}
