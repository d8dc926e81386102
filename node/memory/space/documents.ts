/** The open documents of all spaces: a snapshot and the envelopes after it. What was not used for long goes to disk. */

import { DOC_KINDS, type DocKind } from '../../../interface/memory.ts'
import type { Checkpoint } from '../../../protocols/memory/checkpoint.ts'
import { type Envelope, equal } from '../../../protocols/memory/envelope.ts'
import type { EnvelopeRow } from '../../../storage/memory/rows.ts'
import { type ChangeBy, type DocModel, writerName } from '../types.ts'
import type { Bases } from './bases.ts'
import { type DocName, nameOf, openBatch, openName, openSnapshot, sealName, sealSnapshot } from './batches.ts'
import { isIn, isRefusal, type OpenDocument, ROW_BYTES, TAIL_BYTES, weightOf } from './open-document.ts'
import { getsOn, type Parts } from './parts.ts'
import { checkDocs } from './room.ts'
import type { Space, Writer } from './space.ts'

/** Documents in memory take about ten times their snapshot. */
const OPEN_BYTES_MAX = 8 * 1024 * 1024
const OPEN_MAX = 256
const NONE: ReadonlySet<number> = new Set()

export class Documents {
  readonly #parts: Parts
  readonly #bases: Bases
  /** The one that was used last comes last. */
  readonly #open = new Map<string, OpenDocument>()
  readonly #names = new Map<number, DocName[]>()
  /** Grows each time that a document is not to be believed any longer. */
  drops = 0

  constructor(parts: Parts, bases: Bases) {
    this.#parts = parts
    this.#bases = bases
  }

  /** All that a space has, forgotten ones left out. */
  names(space: Space): readonly DocName[] {
    const known = this.#names.get(space.row)
    if (known !== undefined) return known
    const { log, homeKey } = this.#parts
    const found = log.docs(space.row).map(({ tag, sealed }) => ({ tag, ...openName(homeKey, space, sealed) }))
    this.#names.set(space.row, found)
    return found
  }

  byTag(space: Space, tag: Uint8Array): DocName | undefined {
    return this.names(space).find(one => equal(one.tag, tag))
  }

  /** Two devices that make several kinds of one name at once have them all: in the order of kinds. */
  named(space: Space, ref: string): DocName[] {
    const found = this.names(space).filter(({ name }) => name === ref)
    return found.sort((a, b) => DOC_KINDS.indexOf(a.kind) - DOC_KINDS.indexOf(b.kind))
  }

  /** Opens it, and makes it where it is not there. @param maker of a new one: the device whose room it takes. */
  open(space: Space, name: string, kind: DocKind, maker = this.#parts.key.peerId): OpenDocument {
    const tag = space.keyring.tag(name, kind)
    const key = keyOf(space, tag)
    const known = this.#open.get(key)
    if (known !== undefined) {
      this.#open.delete(key)
      this.#open.set(key, known)
      return known
    }
    const opened = this.#load(space, tag, name, kind, maker)
    this.#open.set(key, opened)
    this.#evict(key)
    return opened
  }

  /** Where it is open: that is no use of it. */
  opened(space: Space, tag: Uint8Array): OpenDocument | undefined {
    return this.#open.get(keyOf(space, tag))
  }

  #load(space: Space, tag: Uint8Array, name: string, kind: DocKind, maker: string): OpenDocument {
    const { log, homeKey, openDoc } = this.#parts
    const row = log.doc(space.row, tag)
    if (row === undefined) checkDocs(this.#parts, space, maker, this.names(space).length)
    const box = row?.snapshot ?? null
    const snapshot = box === null ? this.#bases.snapshot(space, tag) : openSnapshot(homeKey, space, box)
    const from = row?.upto ?? 0
    const excluded = space.excludedClients()
    // What was accepted once is accepted again. Where a document breaks by it now, it is made without it.
    for (const without = new Set<number>(); ; ) {
      const document: OpenDocument = {
        ...{ space, tag, name, kind, model: openDoc(kind, snapshot, excluded), upto: from, tailBytes: 0 },
        ...{ snapshotBytes: box?.length ?? 0, hash: row?.hash ?? undefined, saved: true }
      }
      const bad = this.#replayAll(document, without)
      if (bad === undefined) return document
      document.model.close()
      without.add(bad)
    }
  }

  /** @returns the envelope by which the document broke. */
  #replayAll(document: OpenDocument, without: ReadonlySet<number>): number | undefined {
    const { space, tag, upto } = document
    for (const row of this.#parts.log.ofDoc(space.row, tag, upto)) {
      document.upto = row.id
      getsOn(this.#parts)
      if (without.has(row.id)) continue
      try {
        this.#replay(document, row)
      } catch (thrown) {
        if (!isRefusal(thrown)) return row.id
      }
    }
    return undefined
  }

  #replay(document: OpenDocument, row: EnvelopeRow): void {
    const { space, kind } = document
    const writer = space.writersById.get(row.writer)
    if (writer === undefined || row.box === null || row.seq <= this.#bases.covered(space, writer)) return
    if (!isIn(space, writer, row.seq, kind)) return
    document.tailBytes += row.box.length + ROW_BYTES
    document.hash = undefined
    document.saved = false
    const of = { device: writer.device, life: writer.life, seq: row.seq, tag: row.tag, box: row.box }
    const batch = openBatch(space, of as Envelope & { box: Uint8Array })
    this.apply(document, batch.update, writer, { clock: row.clock })
  }

  /** @throws {LumosError} `MEMORY_INVALID` and nothing has changed, or anything: the document must be closed unsaved. */
  apply(
    document: OpenDocument,
    update: Uint8Array,
    writer: Writer,
    of: Pick<ChangeBy, 'clock' | 'isNew'>
  ): readonly string[] | null {
    const { name, client } = writer
    return document.model.apply(update, { ...of, writer: name, client }).keys
  }

  /** An envelope is in it now. */
  touched(document: OpenDocument, writer: Writer, id: number, bytes: number): void {
    const { space, tag, name, kind } = document
    if (this.byTag(space, tag) === undefined) {
      const empty = { snapshot: null, upto: 0, entries: 0, bytes: 0, hash: null }
      this.#parts.log.putDoc(space.row, { tag, sealed: this.#sealedName(document), ...empty }, writer.id)
      this.#names.get(space.row)?.push({ tag, name, kind })
    }
    document.upto = id
    document.tailBytes += bytes + ROW_BYTES
    document.hash = undefined
    document.saved = false
    space.hash = undefined
    if (document.tailBytes > Math.max(TAIL_BYTES, document.snapshotBytes)) this.save(document)
  }

  save(document: OpenDocument): void {
    if (document.saved) return
    const { space, tag, model, upto } = document
    const { log, homeKey } = this.#parts
    const plain = model.snapshot()
    const snapshot = sealSnapshot(homeKey, space, plain)
    const sealed = this.#sealedName(document)
    const facts = { entries: model.entries(), bytes: model.bytes(), hash: this.hash(document) }
    log.putDoc(space.row, { tag, sealed, snapshot, upto, ...facts })
    document.snapshotBytes = snapshot.length
    document.tailBytes = 0
    document.saved = true
  }

  #sealedName({ space, ...name }: OpenDocument): Uint8Array {
    return sealName(this.#parts.homeKey, space, name)
  }

  hash(document: OpenDocument): Uint8Array {
    if (document.hash !== undefined) return document.hash
    const { space, tag, model, upto } = document
    const hash = model.hash()
    document.hash = hash
    const facts = () => ({ tag, upto, hash, entries: model.entries(), bytes: model.bytes() })
    if (document.saved) this.#parts.log.keepFacts(space.row, facts())
    return hash
  }

  /** What is in memory is not to be believed any longer. */
  drop(space: Space, tag?: Uint8Array): void {
    this.drops++
    for (const [key, document] of this.#open) {
      if (document.space.row !== space.row || (tag !== undefined && !equal(document.tag, tag))) continue
      document.model.close()
      this.#open.delete(key)
    }
    this.#names.delete(space.row)
    space.hash = undefined
  }

  /** From what is signed: the checkpoint and all envelopes after it. What is read may be another content then. */
  rebuild(space: Space): void {
    const { log, key, emit } = this.#parts
    this.drop(space)
    for (const { tag } of log.docs(space.row)) log.staleDoc(space.row, tag)
    for (const { name } of this.names(space))
      emit({
        type: 'changed',
        change: { space: space.id, doc: nameOf(name), writer: key.peerId, keys: null }
      })
  }

  /** A checkpoint has all that is in them: what is on disk of them is not needed. */
  onBase(space: Space): void {
    for (const { tag } of this.#parts.log.docs(space.row)) this.#parts.log.staleDoc(space.row, tag)
    for (const document of this.#open.values()) {
      if (document.space.row !== space.row) continue
      document.saved = true
      document.tailBytes = 0
    }
  }

  /** As it was at the heads of this checkpoint, by the log that is here. */
  at(space: Space, { tag, kind }: DocName, heads: Checkpoint): DocModel {
    const until = new Map(heads.heads.map(head => [writerName(head), head.seq]))
    const model = this.#parts.openDoc(kind, this.#bases.snapshot(space, tag), NONE)
    const document = { ...{ space, tag, kind, model, upto: 0, snapshotBytes: 0, tailBytes: 0 } }
    for (const row of this.#parts.log.ofDoc(space.row, tag, 0)) {
      const writer = space.writersById.get(row.writer)
      if (writer === undefined || row.seq > (until.get(writer.name) ?? 0)) continue
      this.#replay({ ...document, name: '', hash: undefined, saved: true }, row)
    }
    return model
  }

  saveAll(): void {
    for (const document of this.#open.values()) this.save(document)
  }

  forgetAll(): void {
    for (const { model } of this.#open.values()) model.close()
    this.#open.clear()
    this.#names.clear()
  }

  #evict(except: string): void {
    let bytes = 0
    for (const document of this.#open.values()) bytes += weightOf(document)
    for (const [key, document] of this.#open) {
      if (key === except || (bytes <= OPEN_BYTES_MAX && this.#open.size <= OPEN_MAX)) break
      bytes -= weightOf(document)
      this.save(document)
      document.model.close()
      this.#open.delete(key)
    }
  }
}

const keyOf = (space: Space, tag: Uint8Array): string => `${space.row} ${Buffer.from(tag).toString('hex')}`
