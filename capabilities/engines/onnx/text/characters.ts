/** From what a graph says of each column of a line to the characters of the line. */

import { EngineFailedError } from '../../../../interface/errors.ts'
import type { Numbers } from '../picture-graph.ts'

/** A file of keys has some thousand characters, one a line. */
export const KEYS_MAX = 100_000
export const KEYS_BYTES_MAX = 1024 * 1024
/** A character with its marks; a graph may repeat one in each of some hundred columns. */
export const KEY_CHARS_MAX = 8

/** The characters that a graph knows, in the order of its classes: none, the keys, and a space. */
export const charactersOf = (keys: string): string[] => {
  const lines = keys.replaceAll('\r', '').split('\n')
  if (lines.at(-1) === '') lines.pop()
  return ['', ...lines, ' ']
}

/**
 * The likeliest character of each column, without repetitions; between two that are alike stands "none" (CTC).
 *
 * @returns `score` is the mean of its characters; 0 where there are none.
 */
export function decodeCtc(
  { dims, data }: Numbers,
  characters: readonly string[]
): { text: string; score: number } {
  const [lines, columns = 0, classes = 0] = dims
  if (dims.length !== 3 || lines !== 1 || classes !== characters.length) {
    throw new EngineFailedError(
      `The recognition graph answered [${dims}], and its keys have ${characters.length} classes.`
    )
  }
  let text = ''
  let sum = 0
  let count = 0
  let before = 0
  for (let column = 0; column < columns; column++) {
    const scores = data.subarray(column * classes, (column + 1) * classes)
    let best = 0
    for (let i = 1; i < classes; i++) if (scores[i]! > scores[best]!) best = i
    if (best !== 0 && best !== before) {
      text += characters[best]!
      sum += scores[best]!
      count++
    }
    before = best
  }
  // A space at an end is a guess about the border.
  return { text: text.trim(), score: count === 0 ? 0 : Math.min(Math.max(sum / count, 0), 1) }
}
