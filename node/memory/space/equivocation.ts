/** Writers that signed two envelopes of one number: what each device keeps of it, so that all keep the same. */

import {
  checkSignature,
  type Envelope,
  encodeEnvelope,
  equal,
  openHeader
} from '../../../protocols/memory/envelope.ts'
import type { Parts } from './parts.ts'
import type { Space, Writer } from './space.ts'

/** From this number on nothing of the writer counts: not the first of the two, and not what followed it. */
export function freeze({ log }: Pick<Parts, 'log'>, space: Space, second: Envelope): void {
  const writer = space.writer(second)!
  const { seq } = second
  const first = log.get(writer.id, seq)!
  const before = seq === 1 ? undefined : log.get(writer.id, seq - 1)
  log.dropProofs(writer.id)
  log.addProof(writer.id, first.hash, encodeEnvelope(first))
  log.addProof(writer.id, second.hash, encodeEnvelope(second))
  log.dropFrom(writer.id, seq)
  const { prev } = openHeader(first.head)
  space.moveHead(writer, { seq: seq - 1, hash: prev, clock: before?.clock ?? 0, frozen: seq })
  space.pending.dropUpTo(writer.name, Number.POSITIVE_INFINITY)
}

/** A third envelope of the number: each device keeps the two of the lowest hashes. */
export function keepProof(
  { log }: Pick<Parts, 'log'>,
  space: Space,
  writer: Writer,
  envelope: Envelope
): void {
  const proofs = log.proofs(writer.id)
  if (proofs.some(({ hash }) => equal(hash, envelope.hash))) return
  if (Buffer.compare(envelope.hash, proofs[1]!.hash) > 0) return
  checkSignature(envelope)
  log.dropProofs(writer.id, proofs[1]!.hash)
  log.addProof(writer.id, envelope.hash, encodeEnvelope(envelope))
  space.hash = undefined
}
