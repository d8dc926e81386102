/** Which envelopes another device does not have, in an order in which it can take them. */

import { encodeEnvelope, equal } from '../../../protocols/memory/envelope.ts'
import { type Head, writerName } from '../types.ts'
import type { Parts } from './parts.ts'
import type { Space } from './space.ts'

/** Rows that are looked at in one step, whether or not the device misses them. */
const PAGE_ROWS = 4096

/** Envelopes were applied here in an order that others can follow: it is that of their ids. */
export function envelopesAfter(
  { log }: Pick<Parts, 'log'>,
  space: Space,
  heads: readonly Head[],
  bytesMax: number
): Uint8Array[] {
  const theirs = new Map(heads.map(head => [writerName(head.writer), head]))
  const found: Uint8Array[] = []
  let bytes = 0
  /** All of these, or none. */
  const add = (...wires: readonly Uint8Array[]): boolean => {
    const more = wires.reduce((sum, { length }) => sum + length, 0)
    if (found.length > 0 && bytes + more > bytesMax) return false
    found.push(...wires)
    bytes += more
    return true
  }
  const from = new Map<number, number>()
  for (const { writer, seq, hash } of space.heads()) {
    const { id, head } = space.writer(writer)!
    const known = theirs.get(writerName(writer))
    if (known !== undefined && known.seq === seq && equal(known.hash, hash)) continue
    // A device that has not all before the number takes that first.
    if (head.frozen !== undefined && (known?.seq ?? 0) >= head.frozen - 1) {
      if (!add(...log.proofs(id).map(({ wire }) => wire))) return found
    }
    const missing = known === undefined ? 0 : Math.min(known.seq, head.seq)
    const isOther = missing > 0 && known?.seq === missing && isAnother(log.get(id, missing)?.hash, known.hash)
    from.set(id, isOther ? missing - 1 : missing)
  }
  let next = Math.min(
    ...[...from].map(([writer, seq]) => log.firstAfter(writer, seq) ?? Number.POSITIVE_INFINITY)
  )
  while (Number.isFinite(next)) {
    const rows = log.index(space.row, next, PAGE_ROWS)
    for (const { id, writer, seq } of rows) {
      if (seq <= (from.get(writer) ?? Number.POSITIVE_INFINITY)) continue
      if (!add(encodeEnvelope(log.byId(id)))) return found
    }
    next = rows.length < PAGE_ROWS ? Number.POSITIVE_INFINITY : rows.at(-1)!.id + 1
  }
  return found
}

const isAnother = (ours: Uint8Array | undefined, theirs: Uint8Array): boolean =>
  ours !== undefined && !equal(ours, theirs)
