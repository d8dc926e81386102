/** What this device writes: one envelope for each call, in its own chain. */

import { LumosError } from '../../../interface/errors.ts'
import type { DocKind, MemoryChange } from '../../../interface/memory.ts'
import { type EnvelopeHeader, encodeEnvelope, sealEnvelope } from '../../../protocols/memory/envelope.ts'
import { ENVELOPE_BYTES_MAX } from '../../../protocols/memory/limits.ts'
import { EMPTY_UPDATE, isEmpty } from '../docs/index.ts'
import type { Batch } from '../types.ts'
import { appendEnvelope } from './append.ts'
import type { Bases } from './bases.ts'
import { nameOf, sealBatch } from './batches.ts'
import { newLife } from './boxes.ts'
import type { Documents } from './documents.ts'
import { kindFor } from './kinds.ts'
import { handedOver, KEYS_OF_BATCH_MAX } from './lost-keys.ts'
import { noDocument } from './not-found.ts'
import { isRefusal, type OpenDocument } from './open-document.ts'
import type { Parts } from './parts.ts'
import { atLeast, endOf, rightIn } from './rights.ts'
import { checkRoom } from './room.ts'
import type { Space, Writer } from './space.ts'

type Next = Readonly<Record<'clock' | 'seq' | 'at', number>> & {
  readonly writer: Writer
  readonly after: EnvelopeHeader['after']
}

export class Author {
  readonly #parts: Parts
  readonly #documents: Documents
  readonly #bases: Bases

  constructor(parts: Parts, documents: Documents, bases: Bases) {
    this.#bases = bases
    this.#parts = parts
    this.#documents = documents
  }

  write(
    space: Space,
    doc: string,
    kind: DocKind | null,
    changes: readonly MemoryChange[]
  ): { seq: number; ids: readonly string[] } {
    const { key, mesh } = this.#parts
    const { charter } = space.charter
    if (charter.gone || !atLeast(rightIn(charter, key.peerId, mesh), 'write'))
      throw new LumosError('MEMORY_DENIED', `This device may not write to the space ${space.localName}.`)
    checkRoom(this.#parts, this.#bases, space, key.peerId)
    const ref = refOf(space, doc)
    const kinds = this.#documents.named(space, ref).map(one => one.kind)
    const meant = kindFor(doc, kinds, kind, changes)
    if (meant === null) throw noDocument(space.localName, doc, this.#documents.names(space))
    return this.#write(space, ref, meant, changes)
  }

  /** Hands readers the keys under which something was written before their charter lost to another one. */
  handOver(space: Space): void {
    const { key, mesh } = this.#parts
    const lost = space.lost.filter(({ by }) => by === null).map(one => one.key)
    const doc = this.#documents.names(space).find(({ tag }) => !space.isForgotten(tag))
    const mayWrite = atLeast(rightIn(space.charter.charter, key.peerId, mesh), 'write')
    if (doc === undefined || lost.length === 0 || !mayWrite || !space.isReadable) return
    for (let at = 0; at < lost.length; at += KEYS_OF_BATCH_MAX) {
      const keys = lost.slice(at, at + KEYS_OF_BATCH_MAX)
      const document = this.#documents.open(space, doc.name, doc.kind)
      this.#append(space, document, this.#next(space), { update: EMPTY_UPDATE, keys })
      handedOver(space, key.peerId, keys)
    }
  }

  #write(space: Space, ref: string, kind: DocKind, changes: readonly MemoryChange[]) {
    const next = this.#next(space)
    const { writer, seq, clock, at } = next
    const document = this.#documents.open(space, ref, kind, writer.device)
    let isChanged = false
    try {
      const by = { writer: writer.name, client: writer.client, clock, at, isNew: true }
      const { update, ids } = document.model.change(changes, by)
      if (isEmpty(update)) return { seq: seq - 1, ids }
      isChanged = true
      this.#append(space, document, next, { update })
      const change = { space: space.id, doc: nameOf(ref), writer: writer.device, keys: keysOf(changes, ids) }
      this.#parts.emit({ type: 'changed', change })
      return { seq, ids }
    } catch (thrown) {
      // Else the document may have what the log has not.
      if (isChanged || !changesNothing(thrown)) this.#documents.drop(space, document.tag)
      throw thrown
    }
  }

  /** Where its next envelope stands. */
  #next(space: Space) {
    const writer = this.#writer(space)
    const after = this.#after(space, writer)
    let clock = writer.head.clock
    for (const other of after) clock = Math.max(clock, other.clock)
    return { writer, after, clock: clock + 1, seq: writer.head.seq + 1, at: this.#parts.clock.wallMs() }
  }

  #append(
    space: Space,
    document: OpenDocument,
    { writer, after, clock, seq, at }: Next,
    batch: Pick<Batch, 'update' | 'keys'>
  ): void {
    const { device, life } = writer
    const { name: doc, kind, tag } = document
    const box = sealBatch(space, { device, life, seq }, { doc, kind, at, ...batch })
    const epoch = space.charter.charter.epochs.length
    const chain = { space: space.name, device, life, seq, prev: writer.head.hash, after, clock }
    const envelope = sealEnvelope({ ...chain, epoch, tag }, box, this.#parts.key)
    const wire = encodeEnvelope(envelope)
    if (wire.length > ENVELOPE_BYTES_MAX)
      throw new LumosError('INPUT_TOO_LARGE', `One write has ${ENVELOPE_BYTES_MAX} bytes at most: split it.`)
    const touched = (id: number) => this.#documents.touched(document, writer, id, box.length)
    appendEnvelope(this.#parts, space, writer, envelope, touched)
    for (const other of after) space.seen.set(`${other.device}.${other.life}`, other.seq)
    const head = { writer: { device, life }, seq, hash: envelope.hash }
    this.#parts.emit({ type: 'appended', space: space.id, head, from: null })
  }

  /** A new life where the last one was ended by an owner, or was used by a copy of this home too. */
  #writer(space: Space): Writer {
    const { key, spaces } = this.#parts
    const known = space.writer({ device: key.peerId, life: space.life })
    const isOver =
      endOf(space.charter.charter, { device: key.peerId, life: space.life }) < Number.POSITIVE_INFINITY
    if (known !== undefined && known.head.frozen === undefined && !isOver) return known
    if (isOver || known !== undefined) {
      space.life = newLife()
      space.seen.clear()
      spaces.keepLife(space.row, space.life)
    }
    return space.addWriter({ device: key.peerId, life: space.life })
  }

  /** Heads of others that this writer's last envelope did not have, as far as they count. */
  #after(space: Space, self: Writer) {
    const found: { device: string; life: string; seq: number; clock: number }[] = []
    for (const writer of space.writers.values()) {
      if (writer === self) continue
      const { device, life, name, head } = writer
      const seq = Math.min(head.seq, endOf(space.charter.charter, writer))
      if (seq === 0 || space.seen.get(name) === seq) continue
      const clock = seq === head.seq ? head.clock : this.#parts.log.clock(writer.id, seq)
      if (clock !== undefined) found.push({ device, life, seq, clock })
    }
    return found
  }
}

const changesNothing = (thrown: unknown): boolean =>
  isRefusal(thrown) ||
  (thrown instanceof LumosError && (thrown.code === 'INVALID_INPUT' || thrown.code === 'INPUT_TOO_LARGE'))

/** A document that was forgotten makes room for another of its name. */
export function refOf(space: Space, doc: string): string {
  const times = space.secrets.forgotten.find(([name]) => name === doc)?.[1]
  return times === undefined ? doc : `${doc}~${times}`
}

const KEYS_MAX = 100

function keysOf(changes: readonly MemoryChange[], ids: readonly string[]): readonly string[] | null {
  const keys = new Set(ids)
  for (const change of changes) {
    if ('key' in change) keys.add(change.key)
    if (change.type === 'remove') keys.add(change.id)
  }
  return keys.size > KEYS_MAX ? null : [...keys]
}
