/** Compaction: checkpoints that this device signs, those that it takes, and what of the log they make needless. */

import { LumosError } from '../../../interface/errors.ts'
import { type Checkpoint, openCheckpoint, sealCheckpoint } from '../../../protocols/memory/checkpoint.ts'
import { equal, sha256 } from '../../../protocols/memory/envelope.ts'
import { PIECE_BYTES_MAX, WRITERS_MAX } from '../../../protocols/memory/limits.ts'
import { type DocModel, writerName } from '../types.ts'
import type { Bases } from './bases.ts'
import { sealName } from './batches.ts'
import { type Contents, contentsOf, sealContents } from './checkpoint-contents.ts'
import type { Documents } from './documents.ts'
import { dropLog } from './drop-log.ts'
import type { Intake } from './intake.ts'
import { type Checked, headsOfBoth, joined } from './joined.ts'
import { isLost } from './lost-keys.ts'
import type { OpenDocument } from './open-document.ts'
import { getsOn, type Parts } from './parts.ts'
import { rightIn } from './rights.ts'
import { beyond, hasAll, numberAfter } from './rivals.ts'
import { liveIn, makerOf } from './room.ts'
import type { Space } from './space.ts'

/** The pieces of a checkpoint lie beside those of the one before until it is taken. */
const SPACES_HELD = 2
const NONE: ReadonlySet<number> = new Set()
const NOTHING_YET = { snapshot: null, upto: 0, entries: 0, bytes: 0, hash: null }

type Live = Parameters<Parts['spaces']['putLive']>[1][number]

export class Checkpoints {
  readonly #parts: Parts
  readonly #documents: Documents
  readonly #bases: Bases
  readonly #intake: Intake
  /** Pieces that were asked for, hex. */
  readonly #wanted = new Map<number, Set<string>>()
  /** By space: a checkpoint of another owner that would lose what this device alone has. */
  readonly #rivals = new Map<number, Checkpoint>()

  constructor(parts: Parts, documents: Documents, bases: Bases, intake: Intake) {
    this.#parts = parts
    this.#documents = documents
    this.#bases = bases
    this.#intake = intake
  }

  /** @param above the number of a checkpoint that the new one takes the place of. */
  compact(space: Space, above = 0): { bytesBefore: number; bytesAfter: number } {
    const { key, log } = this.#parts
    if (!this.#isOwner(space))
      throw new LumosError('MEMORY_DENIED', `Only an owner may compact the space ${space.id}.`)
    const bytesBefore = log.bytes(space.row)
    const docs: Checkpoint['docs'] = []
    const contents: Contents = []
    const live: Live[] = []
    for (const { name, kind, tag } of this.#documents.names(space)) {
      if (space.isForgotten(tag)) continue
      const document = this.#documents.open(space, name, kind)
      docs.push(this.#entry(space, document))
      live.push({ tag, live: liveIn(space, document.model) })
      getsOn(this.#parts)
      contents.push([name, kind, this.#hashOf(space, document)])
    }
    const epoch = space.charter.charter.epochs.length
    const heads = [...space.writers.values()]
      .filter(({ head }) => head.seq > 0)
      .map(({ device, life, head: { seq, hash, clock } }) => ({ device, life, seq, hash, clock }))
    const before = Math.max(above, this.#bases.of(space)?.checkpoint.number ?? 0)
    const number = numberAfter(before, key.peerId, heads)
    const sealed = sealContents(space, number, contents)
    const record = { space: space.name, number, heads, docs, epoch, sealed, by: key.peerId }
    this.#put(space, sealCheckpoint(record, key).record)
    this.#parts.spaces.putLive(space.row, live)
    this.#documents.onBase(space)
    dropLog(this.#parts, this.#bases, space)
    return { bytesBefore, bytesAfter: log.bytes(space.row) }
  }

  /** One that did not change since keeps its pieces. */
  #entry(space: Space, { tag, model, name, kind }: OpenDocument): Checkpoint['docs'][number] {
    const { log } = this.#parts
    const base = this.#bases.of(space)?.checkpoint.docs.find(one => equal(one.tag, tag))
    const isSame = log.ofDoc(space.row, tag, 0).every(({ writer, seq }) => {
      const known = space.writersById.get(writer)
      return known !== undefined && seq <= this.#bases.covered(space, known)
    })
    if (base !== undefined && isSame && !isLost(space, this.#bases.of(space)!.checkpoint.sealed)) return base
    const pieces = this.#bases.cut(space, model.snapshot())
    const hashes = pieces.map(piece => sha256(piece))
    for (const [n, piece] of pieces.entries()) log.putPiece(space.row, hashes[n]!, piece)
    this.#documents.open(space, name, kind)
    return { tag, epoch: space.charter.charter.epochs.length, pieces: hashes }
  }

  /** Of all writers, those included that do not count now: it holds whatever is decided about them. */
  #hashOf(space: Space, document: OpenDocument): Uint8Array {
    if (space.excludedClients().size === 0) return this.#documents.hash(document)
    return hashOf(this.#parts.openDoc(document.kind, document.model.snapshot(), NONE))
  }

  #put(space: Space, record: Uint8Array): void {
    this.#bases.put(space, record)
    const { docs } = openCheckpoint(record).checkpoint
    this.#bases.keepPieces(space, docs)
    this.#parts.emit({ type: 'space', space: space.id, gone: false })
  }

  putPieces(space: Space, pieces: readonly Uint8Array[]): void {
    const wanted = this.#wanted.get(space.row)
    const bytesMax = SPACES_HELD * this.#parts.spaceBytesMax
    for (const piece of pieces) {
      if (space.bytes + piece.length > bytesMax)
        throw new LumosError('MEMORY_FULL', `The space ${space.id} would have over ${bytesMax} bytes here.`)
      const hash = sha256(piece)
      if (piece.length > PIECE_BYTES_MAX || wanted?.delete(hex(hash)) !== true)
        throw new LumosError('MEMORY_INVALID', 'A piece came that no checkpoint was found to need.')
      this.#parts.log.putPiece(space.row, hash, new Uint8Array(piece))
      space.bytes += piece.length
    }
  }

  take(space: Space, wire: Uint8Array): { missing: readonly Uint8Array[] } {
    const { log, mesh, spaceBytesMax } = this.#parts
    const { checkpoint, record } = openCheckpoint(wire)
    const { number, by, docs } = checkpoint
    if (!equal(checkpoint.space, space.name)) throw invalid('is of another space')
    if (number <= (this.#bases.of(space)?.checkpoint.number ?? 0)) return { missing: [] }
    if (rightIn(space.charter.charter, by, mesh) !== 'own')
      throw new LumosError('MEMORY_DENIED', `${by}, which signed a checkpoint, does not own the space.`)
    const more = beyond(this.#bases, space, checkpoint)
    // Of that only the checkpoint here has anything left.
    const isRival = more.some(({ writer, seq }) => log.get(writer.id, seq) === undefined)
    const heads = isRival ? this.#headsToJoin(space, checkpoint) : undefined
    if (isRival && heads === undefined) {
      this.#rivals.set(space.row, checkpoint)
      this.settle(space)
      return { missing: [] }
    }
    const pieces = docs.flatMap(doc => doc.pieces)
    if (pieces.length * PIECE_BYTES_MAX > spaceBytesMax + PIECE_BYTES_MAX * docs.length)
      throw new LumosError(
        'MEMORY_FULL',
        `A checkpoint is larger than the ${spaceBytesMax} bytes of a space.`
      )
    this.#bases.keepPieces(space, [...(this.#bases.of(space)?.checkpoint.docs ?? []), ...docs])
    const missing = pieces.filter(hash => log.piece(space.row, hash) === undefined)
    this.#wanted.set(space.row, new Set(missing.map(hex)))
    if (missing.length > 0) return { missing }
    // A carrier knows who signed it, and that its pieces are those that were signed.
    const checked = space.carried ? [] : this.#checked(space, checkpoint)
    if (heads !== undefined) {
      const kept = { parts: this.#parts, bases: this.#bases, documents: this.#documents }
      const both = joined(kept, space, checkpoint, heads)
      this.#adopt(space, openCheckpoint(both.record).checkpoint, both.record, both.checked)
      return { missing: [] }
    }
    this.#adopt(space, checkpoint, record, checked)
    // Devices that have taken the one before, and nothing else, cannot take this one.
    if (more.length > 0 && !space.carried && this.#isOwner(space)) this.compact(space)
    return { missing: [] }
  }

  /** An owner that has all that a rival has signs one in the place of both. Until then both stay where they are. */
  settle(space: Space): void {
    const rival = this.#rivals.get(space.row)
    if (rival === undefined || space.carried || !hasAll(space, rival)) return
    this.#rivals.delete(space.row)
    if (this.#isOwner(space)) this.compact(space, rival.number)
  }

  /** Where this device may sign one in the place of both at once, by their snapshots. */
  #headsToJoin(space: Space, rival: Checkpoint): Checkpoint['heads'] | undefined {
    if (!space.isReadable || !this.#isOwner(space) || hasAll(space, rival)) return undefined
    return headsOfBoth(this.#parts, space, rival)
  }

  #isOwner(space: Space): boolean {
    const { key, mesh } = this.#parts
    return rightIn(space.charter.charter, key.peerId, mesh) === 'own'
  }

  /** Its snapshots open, and have the content that its owner signed; and ours, where all of it is here. */
  #checked(space: Space, checkpoint: Checkpoint): Checked[] {
    const checked: Checked[] = []
    const { excluded, ended } = space.charter.charter
    const isComparable = hasAll(space, checkpoint) && excluded.length === 0 && ended.length === 0
    for (const [n, [name, kind, hash]] of contentsOf(space, checkpoint).entries()) {
      const doc = checkpoint.docs[n]!
      if (space.isForgotten(doc.tag)) continue
      const model = this.#parts.openDoc(kind, this.#bases.assemble(space, doc), NONE)
      const clients = [...model.live()]
      if (!equal(hashOf(model), hash)) throw invalid('has other snapshots than it says')
      checked.push({ tag: doc.tag, name, kind, live: () => clients })
      if (!isComparable) continue
      if (equal(hashOf(this.#documents.at(space, { tag: doc.tag, name, kind }, checkpoint)), hash)) continue
      throw new LumosError(
        'MEMORY_DIVERGED',
        `A checkpoint of ${checkpoint.by} has another content than the log.`
      )
    }
    return checked
  }

  #adopt(space: Space, { heads }: Checkpoint, record: Uint8Array, docs: readonly Checked[]): void {
    const { log } = this.#parts
    for (const { seq, hash, clock, ...id } of heads) {
      const writer = space.writer(id) ?? space.addWriter(id, WRITERS_MAX)
      if (writer.head.frozen !== undefined || writer.head.seq >= seq) continue
      log.dropUpTo(writer.id, seq)
      space.moveHead(writer, { seq, hash, clock })
      space.pending.dropUpTo(writerName(id), seq)
    }
    this.#put(space, record)
    this.#name(space, docs)
    this.#documents.rebuild(space)
    dropLog(this.#parts, this.#bases, space)
    this.#intake.retry(space)
  }

  #name(space: Space, docs: readonly Checked[]): void {
    const { log, homeKey } = this.#parts
    const live = docs.map(doc => ({ ...doc, live: liveIn(space, doc) }))
    this.#parts.spaces.putLive(space.row, live)
    for (const { tag, name, kind, live: rows } of live) {
      if (this.#documents.byTag(space, tag) !== undefined) continue
      const sealed = sealName(homeKey, space, { name, kind })
      log.putDoc(space.row, { tag, sealed, ...NOTHING_YET }, makerOf(rows))
    }
    this.#documents.drop(space)
  }

  /** The one that was carried, now that its key is here. @throws {LumosError} it does not hold. */
  open(space: Space): void {
    const base = this.#bases.of(space)
    if (base !== null) this.#name(space, this.#checked(space, base.checkpoint))
  }
}

function hashOf(model: DocModel): Uint8Array {
  const hash = model.hash()
  model.close()
  return hash
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const invalid = (what: string): LumosError => new LumosError('MEMORY_INVALID', `A checkpoint ${what}.`)
