/** Which leaf a holder is asked for next: one that no holder was asked for, else one that another holder sends late. */

import type { Holder, Leaf } from './holder.ts'
import type { IncomingFile } from './incoming.ts'

/** A late leaf is asked for elsewhere when that is twice as fast. */
const LATE = 2
/** What comes sooner than this is not late. */
const LATE_MS_MIN = 100

export function pickLeaf(
  holder: Holder,
  open: Iterable<IncomingFile>,
  holders: readonly Holder[]
): Leaf | undefined {
  const isShared = holders.length > 1 && holders.some(({ isWhole }) => !isWhole)
  for (const file of open) {
    const leaf = file.next(leaf => holder.has(file, leaf), isShared)
    if (leaf !== undefined) return { file, leaf }
  }
  let latest: Leaf | undefined
  let latestMs = Math.max(holder.expectedMs(holder.asked.length + 1) * LATE, LATE_MS_MIN)
  for (const other of holders) {
    if (other === holder) continue
    for (const [at, leaf] of other.asked.entries()) {
      const ms = other.expectedMs(at + 1)
      if (ms <= latestMs || !mayAskAgain(leaf) || !holder.has(leaf.file, leaf.leaf)) continue
      latest = leaf
      latestMs = ms
    }
  }
  return latest
}

const mayAskAgain = ({ file, leaf }: Leaf): boolean =>
  !file.whole && !file.has(leaf) && file.mayAskAgain(leaf)
