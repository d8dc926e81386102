/** What must be written so that one text becomes another: what did not change stays, for others may be writing there. */

import type { MemoryChange } from '../../../interface/memory.ts'

type Edit = Extract<MemoryChange, { type: 'edit' }>

/** Words that come or go, beyond which both texts have little in common. Finding them takes so many steps for each word. */
const CHANGED_MAX = 256

/** A word with the space behind it; a line. */
const CUTS = [/\s+/g, /\n/g]

/**
 * Edits from the end to the front, so that each is at its place in `before`.
 *
 * @param most as many as may be written at once: where there are more, what lies between them is written anew.
 */
export function editsOf(before: string, after: string, most: number): Edit[] {
  const whole = editOf(before, after, 0)
  if (whole === undefined) return []
  const { at, remove, insert } = whole
  const gone = before.slice(at, at + remove)
  for (const cut of CUTS) {
    const hunks = hunksOf(piecesOf(gone, cut), piecesOf(insert, cut))
    if (hunks === undefined || hunks.length > most) continue
    return hunks.flatMap(([from, old, new_]) => editOf(old, new_, at + from) ?? []).reverse()
  }
  return [whole]
}

/** One edit between what both texts begin with and what both end with. Halves of a surrogate pair stay together. */
function editOf(before: string, after: string, from: number): Edit | undefined {
  if (before === after) return undefined
  const most = Math.min(before.length, after.length)
  let start = 0
  while (start < most && before[start] === after[start]) start += 1
  if (isLow(before, start) || isLow(after, start)) start -= 1
  let end = 0
  while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end += 1
  if (end > 0 && (isLow(before, before.length - end) || isLow(after, after.length - end))) end -= 1
  const remove = before.length - start - end
  return { type: 'edit', at: from + start, remove, insert: after.slice(start, after.length - end) }
}

/** Whether a second half of a pair lies at `at`, with its first half before it. */
const isLow = (text: string, at: number): boolean =>
  at > 0 && /^[\udc00-\udfff]$/.test(text[at] ?? '') && /^[\ud800-\udbff]$/.test(text[at - 1]!)

/** Each piece ends with what it is cut at. */
function piecesOf(text: string, cut: RegExp): string[] {
  const pieces: string[] = []
  let from = 0
  for (const { 0: space, index } of text.matchAll(cut)) {
    pieces.push(text.slice(from, index + space.length))
    from = index + space.length
  }
  if (from < text.length) pieces.push(text.slice(from))
  return pieces
}

type Hunk = readonly [from: number, before: string, after: string]

/**
 * What differs, in order, by Myers' greedy search: https://doi.org/10.1007/BF01840446
 *
 * @returns nothing where more than {@link CHANGED_MAX} pieces come or go.
 */
function hunksOf(before: readonly string[], after: readonly string[]): Hunk[] | undefined {
  const reach = new Int32Array(2 * CHANGED_MAX + 3)
  const rounds: Int32Array[] = []
  for (let changed = 0; changed <= CHANGED_MAX; changed++) {
    rounds.push(reach.slice())
    for (let diagonal = -changed; diagonal <= changed; diagonal += 2) {
      const isDown = isFromAbove(reach, diagonal, changed)
      let x = isDown ? reach[at(diagonal + 1)]! : reach[at(diagonal - 1)]! + 1
      let y = x - diagonal
      while (x < before.length && y < after.length && before[x] === after[y]) {
        x += 1
        y += 1
      }
      reach[at(diagonal)] = x
      if (x >= before.length && y >= after.length) return gathered(before, after, rounds)
    }
  }
  return undefined
}

const at = (diagonal: number): number => diagonal + CHANGED_MAX + 1

/** Whether the farthest way to this diagonal ends with a piece that came, and not with one that went. */
const isFromAbove = (reach: Int32Array, diagonal: number, changed: number): boolean =>
  diagonal === -changed || (diagonal !== changed && reach[at(diagonal - 1)]! < reach[at(diagonal + 1)]!)

/** Back from the end, by what each round had reached before it. */
function gathered(
  before: readonly string[],
  after: readonly string[],
  rounds: readonly Int32Array[]
): Hunk[] {
  const goes = new Set<number>()
  const comes = new Set<number>()
  let [x, y] = [before.length, after.length]
  for (let changed = rounds.length - 1; changed > 0; changed--) {
    const reach = rounds[changed]!
    const diagonal = x - y
    const isDown = isFromAbove(reach, diagonal, changed)
    const from = isDown ? diagonal + 1 : diagonal - 1
    x = reach[at(from)]!
    y = x - from
    if (isDown) comes.add(y)
    else goes.add(x)
  }
  return joined(before, after, goes, comes)
}

function joined(
  before: readonly string[],
  after: readonly string[],
  goes: ReadonlySet<number>,
  comes: ReadonlySet<number>
): Hunk[] {
  const hunks: Hunk[] = []
  let place = 0
  for (let x = 0, y = 0; x < before.length || y < after.length; ) {
    let [old, new_] = ['', '']
    while (goes.has(x) || comes.has(y)) {
      if (goes.has(x)) old += before[x++]!
      else new_ += after[y++]!
    }
    if (old !== '' || new_ !== '') hunks.push([place, old, new_])
    place += old.length + (before[x]?.length ?? 0)
    x += 1
    y += 1
  }
  return hunks
}
