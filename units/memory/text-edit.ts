/** What must be written so that one text becomes another. */

import type { MemoryChange } from '../../interface/memory.ts'

/** One edit between what both texts begin with and what both end with. Halves of a surrogate pair stay together. */
export function editOf(before: string, after: string): MemoryChange {
  const most = Math.min(before.length, after.length)
  let start = 0
  while (start < most && before[start] === after[start]) start += 1
  if (isLow(before, start) || isLow(after, start)) start -= 1
  let end = 0
  while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end += 1
  if (end > 0 && (isLow(before, before.length - end) || isLow(after, after.length - end))) end -= 1
  return {
    type: 'edit',
    at: start,
    remove: before.length - start - end,
    insert: after.slice(start, after.length - end)
  }
}

/** Whether a second half of a pair lies at `at`, with its first half before it. */
const isLow = (text: string, at: number): boolean =>
  at > 0 && /^[\udc00-\udfff]$/.test(text[at] ?? '') && /^[\ud800-\udbff]$/.test(text[at - 1]!)
