/** Writers that signed two envelopes of one number: what each device keeps of it, so that all keep the same. */

import {
  checkSignature,
  type Envelope,
  encodeEnvelope,
  equal,
  openHeader
} from '../../../protocols/memory/envelope.ts'
import { writerName } from '../types.ts'
import type { Parts } from './parts.ts'
import type { Space, Writer } from './space.ts'

type Signed = Pick<Envelope, 'hash' | 'head' | 'signature'>

/** Both come together. So more than a few wait only where a peer sends what no honest one does. */
const HALVES_MAX = 64

/** What is signed proves enough: a proof has no boxes, so it is small. */
const proofOf = ({ head, signature }: Signed): Uint8Array => encodeEnvelope({ head, signature, box: null })

/** From this number on nothing of the writer counts: not the first of the two, and not what followed it. */
export function freeze(
  { log }: Pick<Parts, 'log'>,
  space: Space,
  writer: Writer,
  first: Signed,
  second: Envelope
): void {
  const { seq } = second
  const isEnd = writer.head.seq === seq - 1
  const clock = isEnd ? writer.head.clock : (log.get(writer.id, seq - 1)?.clock ?? 0)
  const hash = isEnd ? writer.head.hash : openHeader(first.head).prev
  log.dropProofs(writer.id)
  for (const one of [first, second]) log.addProof(writer.id, one.hash, proofOf(one))
  log.dropFrom(writer.id, seq)
  space.moveHead(writer, { seq: seq - 1, hash, clock, frozen: seq })
  space.pending.dropUpTo(writer.name, Number.POSITIVE_INFINITY)
}

/**
 * An envelope without its box is of use as one of two that prove something.
 *
 * @returns the other one, once both are here.
 */
export function otherHalf(space: Space, envelope: Envelope): Envelope | undefined {
  const name = writerName(envelope)
  if (envelope.seq !== (space.writers.get(name)?.head.seq ?? 0) + 1) return undefined
  const known = space.halves.get(name)
  const isOther = known !== undefined && known.seq === envelope.seq && !equal(known.hash, envelope.hash)
  if (isOther) {
    space.halves.delete(name)
    return known
  }
  space.halves.set(name, envelope)
  if (space.halves.size > HALVES_MAX) space.halves.delete(space.halves.keys().next().value!)
  return undefined
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
  log.addProof(writer.id, envelope.hash, proofOf(envelope))
  space.hash = undefined
}
