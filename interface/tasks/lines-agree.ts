/** Whether two devices read the same lines: a character that is hard to read differs between processors. */

import { editsBetween } from '../suggest.ts'

/** Of the characters of a line. */
const OTHER_CHARS_SHARE = 0.1

/** Lines are compared at their places; each may differ by a character in ten, at the end of a longer line too. */
export const saysAlmost = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((line, at) => isAlmost(line, other[at]!))

function isAlmost(one: string, other: string): boolean {
  const most = Math.floor(OTHER_CHARS_SHARE * Math.max(one.length, other.length))
  return one === other || (Math.abs(one.length - other.length) <= most && editsBetween(one, other) <= most)
}
