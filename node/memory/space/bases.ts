/** What the checkpoint of a space stands for: snapshots of documents, and envelopes that they have in them. */

import { type Checkpoint, openCheckpoint } from '../../../protocols/memory/checkpoint.ts'
import { equal } from '../../../protocols/memory/envelope.ts'
import { writerName } from '../types.ts'
import { sealUnder } from './keyring.ts'
import type { Parts } from './parts.ts'
import type { Space, Writer } from './space.ts'

/** Of plain bytes: a piece has the name of its key, a nonce and a tag besides. */
const PLAIN_PIECE_BYTES = 200 * 1024

interface Base {
  readonly checkpoint: Checkpoint
  readonly record: Uint8Array
  readonly seqs: ReadonlyMap<string, number>
}

export class Bases {
  readonly #parts: Parts
  readonly #known = new Map<number, Base | null>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  of(space: Space): Base | null {
    const known = this.#known.get(space.row)
    if (known !== undefined) return known
    const record = this.#parts.log.checkpoint(space.row)
    const base = record === undefined ? null : baseOf(record)
    this.#known.set(space.row, base)
    return base
  }

  put(space: Space, record: Uint8Array): void {
    this.#parts.log.putCheckpoint(space.row, record)
    this.#known.delete(space.row)
  }

  /** Those of these documents only: not what came of a checkpoint that was never taken. */
  keepPieces(space: Space, docs: Checkpoint['docs']): void {
    const { log } = this.#parts
    const kept = new Set(docs.flatMap(({ pieces }) => pieces.map(hex)))
    for (const hash of log.pieces(space.row)) if (!kept.has(hex(hash))) log.dropPiece(space.row, hash)
    space.bytes = log.heldBytes(space.row)
  }

  forget(space?: Space): void {
    if (space === undefined) this.#known.clear()
    else this.#known.delete(space.row)
  }

  /** Up to which envelope of this writer the checkpoint goes. */
  covered(space: Space, { name }: Pick<Writer, 'name'>): number {
    return this.of(space)?.seqs.get(name) ?? 0
  }

  snapshot(space: Space, tag: Uint8Array): Uint8Array | null {
    const base = this.of(space)
    const found = base?.checkpoint.docs.find(one => equal(one.tag, tag))
    return found === undefined ? null : this.assemble(space, found)
  }

  /** Throws where a piece is not here, or does not open. */
  assemble(space: Space, { pieces }: Pick<Checkpoint['docs'][number], 'pieces'>): Uint8Array {
    const plain = pieces.map(hash => {
      const piece = this.#parts.log.piece(space.row, hash)
      if (piece === undefined) throw new Error('a piece of a snapshot is not here')
      return space.keyring.open(pieceAbout(space), piece)
    })
    return new Uint8Array(Buffer.concat(plain))
  }

  cut(space: Space, snapshot: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = []
    for (let at = 0; at === 0 || at < snapshot.length; at += PLAIN_PIECE_BYTES)
      pieces.push(
        sealUnder(space.key, space.id, pieceAbout(space), snapshot.subarray(at, at + PLAIN_PIECE_BYTES))
      )
    return pieces
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const pieceAbout = (space: Space): string => `lumos/memory/piece/1 ${space.id}`

function baseOf(record: Uint8Array): Base {
  const { checkpoint } = openCheckpoint(record)
  return { checkpoint, record, seqs: new Map(checkpoint.heads.map(head => [writerName(head), head.seq])) }
}
