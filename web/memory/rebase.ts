/** Two edits of one text: that of the reader, and that of another device meanwhile. */

interface Edit {
  readonly at: number
  readonly remove: number
  readonly insert: string
}

/** What stands between the common beginning and the common end. */
function editOf(before: string, after: string): Edit {
  const most = Math.min(before.length, after.length)
  let at = 0
  while (at < most && before[at] === after[at]) at += 1
  let end = 0
  while (end < most - at && before.at(-1 - end) === after.at(-1 - end)) end += 1
  return { at, remove: before.length - at - end, insert: after.slice(at, after.length - end) }
}

/** `theirs` with the edit that made `mine` of `base`; undefined where both edited the same place. */
export function rebased(base: string, mine: string, theirs: string): string | undefined {
  if (mine === base || mine === theirs) return theirs
  if (theirs === base) return mine
  const own = editOf(base, mine)
  const other = editOf(base, theirs)
  const apply = (at: number) => theirs.slice(0, at) + own.insert + theirs.slice(at + own.remove)
  if (own.at + own.remove < other.at) return apply(own.at)
  if (other.at + other.remove < own.at) return apply(own.at + other.insert.length - other.remove)
  return undefined
}
