/** Whether two devices read the same lines: a character that is hard to read differs between processors. */

/** Of the characters of a line. */
const OTHER_CHARS_SHARE = 0.1

/** Lines are compared at their places; each may differ by a character in ten, at the end of a longer line too. */
export const saysAlmost = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((line, at) => isAlmost(line, other[at]!))

function isAlmost(one: string, other: string): boolean {
  const most = Math.floor(OTHER_CHARS_SHARE * Math.max(one.length, other.length))
  return one === other || (Math.abs(one.length - other.length) <= most && editsBetween(one, other) <= most)
}

/** Characters that are put in, taken out or changed to make one line the other. */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const isChanged = one[i - 1] === other[j - 1] ? 0 : 1
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + isChanged))
    }
    row = next
  }
  return row[other.length]!
}
