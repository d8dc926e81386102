/** Checkpoints of several owners: which one counts, and which one must not be taken. */

import type { Checkpoint } from '../../../protocols/memory/checkpoint.ts'
import { sha256 } from '../../../protocols/memory/envelope.ts'
import { encodeControl } from '../../../protocols/wire/control.ts'
import { writerName } from '../types.ts'
import type { Bases } from './bases.ts'
import { NO_HEAD, type Space, type Writer } from './space.ts'

/** Of the number of a checkpoint the rest is of what it says: two owners that sign at once sign two numbers. */
const ROUND = 2 ** 20

/** The larger number counts on each device, whichever it sees first. */
export function numberAfter(before: number, by: string, heads: Checkpoint['heads']): number {
  const hash = sha256(encodeControl([by, heads]))
  const rest = new DataView(hash.buffer, hash.byteOffset).getUint32(0) % ROUND
  return (Math.floor(before / ROUND) + 1) * ROUND + rest
}

/** Writers of which the checkpoint here has more than this one, and the number of the first envelope of that. */
export function beyond(
  bases: Bases,
  space: Space,
  { heads }: Pick<Checkpoint, 'heads'>
): { writer: Writer; seq: number }[] {
  const seqs = new Map(heads.map(head => [writerName(head), head.seq]))
  return [...space.writers.values()]
    .map(writer => ({ writer, seq: (seqs.get(writer.name) ?? 0) + 1 }))
    .filter(({ writer, seq }) => seq <= bases.covered(space, writer))
}

/** Whether all that a checkpoint stands for has come here, be it as envelopes. */
export const hasAll = (space: Space, { heads }: Pick<Checkpoint, 'heads'>): boolean =>
  heads.every(head => (space.writer(head)?.head.seq ?? 0) >= head.seq)

/** Each chain ends where the checkpoint ends. @returns those numbers, by writer. */
export function rewind(bases: Bases, space: Space): ReadonlyMap<number, number> {
  const ends = new Map<number, number>()
  const heads = bases.of(space)?.checkpoint.heads ?? []
  for (const writer of space.writers.values()) {
    const { seq, hash, clock } = heads.find(head => writerName(head) === writer.name) ?? NO_HEAD
    if (writer.head.seq > seq) space.moveHead(writer, { seq, hash, clock })
    ends.set(writer.id, seq)
  }
  return ends
}
