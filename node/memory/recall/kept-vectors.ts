/**
 * Vectors on disk, so that texts are not given to a model after each start. From a vector much of its text can be guessed:
 * they are in boxes under the key of this device, and no hash of a text is outside of these.
 */

import { createHash } from 'node:crypto'
import type { VectorTable } from '../../../storage/memory/vector-table.ts'
import { seal, unseal } from '../space/boxes.ts'
import type { Space } from '../space/space.ts'
import type { IndexedDoc } from './indexed-docs.ts'

/** A box is sealed in some milliseconds. */
const AT_ONCE = 256
const HASH_BYTES = 16

/** What a vector is known by: its text. */
export const hashOf = (text: string): string =>
  createHash('sha256').update(text).digest().subarray(0, HASH_BYTES).toString('latin1')

export interface Kept {
  readonly hash: string
  readonly vector: Int8Array
}

interface Box {
  readonly model: string
  readonly dimensions: number
  readonly all: readonly Kept[]
}

export class KeptVectors {
  readonly #table: VectorTable
  readonly #homeKey: Uint8Array
  /** By the number of the document. */
  readonly #unsaved = new Map<number, Kept[]>()

  constructor(table: VectorTable, homeKey: Uint8Array) {
    this.#table = table
    this.#homeKey = homeKey
  }

  add(doc: IndexedDoc, model: string, kept: Kept): void {
    const unsaved = this.#unsaved.get(doc.number) ?? []
    this.#unsaved.set(doc.number, unsaved)
    unsaved.push(kept)
    if (unsaved.length === AT_ONCE) this.save(doc, model)
  }

  save(doc: IndexedDoc, model: string): void {
    const unsaved = this.#unsaved.get(doc.number) ?? []
    this.#unsaved.delete(doc.number)
    if (unsaved.length === 0 || doc.space.isForgotten(doc.tag)) return
    const about = Buffer.from(JSON.stringify({ model, count: unsaved.length }))
    const length = Buffer.alloc(4)
    length.writeUInt32LE(about.length)
    const hashes = unsaved.map(({ hash }) => Buffer.from(hash, 'latin1'))
    const vectors = unsaved.map(({ vector }) => Buffer.from(vector.buffer, vector.byteOffset, vector.length))
    const plain = Buffer.concat([length, about, ...hashes, ...vectors])
    this.#table.add(doc.space.row, doc.tag, seal(this.#homeKey, aboutBox(doc.space), plain))
  }

  dropped(doc: IndexedDoc): void {
    this.#unsaved.delete(doc.number)
  }

  boxes({ space, tag }: IndexedDoc): number[] {
    return this.#table.of(space.row, tag)
  }

  /** Undefined where it does not open. */
  open({ space }: IndexedDoc, id: number): Box | undefined {
    const box = this.#table.box(id)
    try {
      return box && keptIn(Buffer.from(unseal(this.#homeKey, aboutBox(space), box)))
    } catch {
      return undefined
    }
  }

  drop(id: number): void {
    this.#table.drop(id)
  }
}

const aboutBox = (space: Space): string => `lumos/memory/vectors/1 ${space.id}`

function keptIn(plain: Buffer): Box | undefined {
  const begin = 4 + plain.readUInt32LE()
  const about = JSON.parse(plain.subarray(4, begin).toString()) as { model: string; count: number }
  const vectors = begin + about.count * HASH_BYTES
  const dimensions = (plain.length - vectors) / about.count
  if (!Number.isInteger(dimensions)) return undefined
  const all = Array.from({ length: about.count }, (_, i) => ({
    hash: plain.subarray(begin + i * HASH_BYTES, begin + (i + 1) * HASH_BYTES).toString('latin1'),
    vector: new Int8Array(plain.buffer, plain.byteOffset + vectors + i * dimensions, dimensions)
  }))
  return { model: about.model, dimensions, all }
}
