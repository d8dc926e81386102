/**
 * Vectors of the texts of the index, and the texts that have none yet. Each space has a model of its own: devices that may
 * read one space need not have the model of another one, and a device that lies with its vectors spoils no other space.
 */

import type { TextIndex, TextRow } from '../../../storage/memory/text-index.ts'
import type { IndexedDoc, IndexedDocs } from './indexed-docs.ts'
import { hashOf, type Kept, type KeptVectors } from './kept-vectors.ts'
import type { Embedded, EngineQuery, Unembedded } from './types.ts'
import { type Allows, DIMENSIONS_MAX, toBytes, Vectors } from './vectors.ts'

/** A piece of a file may be longer than any model reads. */
const CHARS_MAX = 4000
/** Between two steps of looking for what was made before. */
const HASHED_AT_ONCE = 500
/** So many vectors of a document more than twice its texts are on disk before its boxes are written anew. */
const GONE_MAX = 32

export interface EmbeddingsComponents {
  readonly texts: TextIndex
  readonly docs: IndexedDocs
  readonly kept: KeptVectors
}

export class Embeddings {
  readonly #components: EmbeddingsComponents
  /** By the number of the document. */
  readonly #waiting = new Map<number, Set<number>>()
  /** Documents of which each vector on disk was looked at, or is being. */
  readonly #restored = new Map<number, Generator<undefined, void>>()
  /** Boxes of these documents by other models. */
  readonly #others = new Map<number, number[]>()
  /** Vectors of each on disk, and those of which too many are of no text any more. */
  readonly #onDisk = new Map<number, number>()
  readonly #grown = new Set<number>()
  readonly #spaces = new Map<string, { readonly model: string; vectors: Vectors | undefined }>()

  constructor(components: EmbeddingsComponents) {
    this.#components = components
  }

  modelOf({ id }: { readonly id: string }): string | null {
    return this.#spaces.get(id)?.model ?? null
  }

  get bytes(): number {
    return this.#spaces.values().reduce((sum, { vectors }) => sum + (vectors?.bytes ?? 0), 0)
  }

  /** What another model has made says nothing to this one. It stays on disk until this one has made all. */
  use(space: string, model: string): void {
    const before = this.#spaces.get(space)
    if (model === before?.model) return
    const { texts, docs, kept } = this.#components
    this.#spaces.set(space, { model, vectors: undefined })
    for (const doc of docs.of({ id: space })) {
      if (before !== undefined) kept.save(doc, before.model)
      this.#restored.delete(doc.number)
      this.#others.delete(doc.number)
      if (before?.vectors === undefined) continue
      for (const { id, isFound } of texts.ofDoc(doc.number)) if (isFound) this.added(id, doc)
    }
  }

  added(id: number, { number }: IndexedDoc): void {
    const waiting = this.#waiting.get(number)
    if (waiting === undefined) this.#waiting.set(number, new Set([id]))
    else waiting.add(id)
  }

  removed(id: number, { number, space }: IndexedDoc): void {
    const waiting = this.#waiting.get(number)
    waiting?.delete(id)
    if (waiting?.size === 0) this.#waiting.delete(number)
    this.#spaces.get(space.id)?.vectors?.remove(id)
  }

  /** Nothing of it is written any more. */
  dropped(doc: IndexedDoc): void {
    this.#restored.delete(doc.number)
    this.#others.delete(doc.number)
    this.#onDisk.delete(doc.number)
    this.#grown.delete(doc.number)
    this.#components.kept.dropped(doc)
  }

  pending(doc: number): number {
    return this.#waiting.get(doc)?.size ?? 0
  }

  /** No texts: it has looked for some that were made before, and is to be asked again. */
  next(space: string, limit: number): Unembedded | null {
    const { docs, texts } = this.#components
    for (const doc of docs.of({ id: space })) {
      const ids = this.#waiting.get(doc.number)
      if (!isKept(doc) || (ids === undefined && !this.#grown.has(doc.number))) continue
      if (this.#restore(doc)) return []
      this.#grown.delete(doc.number)
      if (ids === undefined) continue
      const rows = [...ids.values().take(limit)].map(id => texts.get(id)!)
      return rows.map(row => ({ id: row.id, text: textOf(doc, row) }))
    }
    return null
  }

  /** @returns false: nothing was taken of it, for vectors of this model are of another length. */
  take({ space, model, ids, dimensions, numbers }: Embedded): boolean {
    const { texts, docs, kept } = this.#components
    if (model !== this.#spaces.get(space)?.model || dimensions > DIMENSIONS_MAX) return false
    if (numbers !== null && !this.#fits(space, dimensions)) return false
    const touched = new Set<IndexedDoc>()
    ids.forEach((id, i) => {
      const row = texts.get(id)
      // The text has changed meanwhile, or is gone.
      if (row === undefined || !this.#isWaiting(row)) return
      const doc = docs.get(row.doc)
      if (!isKept(doc) || !doc.isWhole || doc.changed.size > 0) return
      const vector = numbers && toBytes(numbers.subarray(i * dimensions, (i + 1) * dimensions))
      this.removed(id, doc)
      if (!vector) return
      this.#put(doc, row, vector)
      kept.add(doc, model, { hash: hashOf(textOf(doc, row)), vector })
      this.#count(doc, 1)
      touched.add(doc)
    })
    for (const doc of touched) {
      if (this.pending(doc.number) > 0) continue
      this.#complete(doc, model)
      if ((this.#onDisk.get(doc.number) ?? 0) <= 2 * doc.texts + GONE_MAX) continue
      this.#grown.add(doc.number)
      this.#restored.delete(doc.number)
    }
    return true
  }

  #count({ number }: IndexedDoc, more: number): void {
    this.#onDisk.set(number, (this.#onDisk.get(number) ?? 0) + more)
  }

  /** @returns nothing where none of these spaces has vectors of this model and length. */
  nearest(
    { model, numbers }: NonNullable<EngineQuery['vector']>,
    spaces: ReadonlySet<string>,
    allows: Allows,
    limit: number
  ): number[] | undefined {
    const all = [...spaces]
      .map(id => this.#spaces.get(id))
      .filter(of => of?.model === model && of.vectors?.dimensions === numbers.length)
    if (all.length === 0) return undefined
    return all
      .flatMap(of => of!.vectors!.nearest(numbers, allows, limit))
      .sort((a, b) => b.cosine - a.cosine)
      .slice(0, limit)
      .map(({ id }) => id)
  }

  #complete(doc: IndexedDoc, model: string): void {
    const { kept } = this.#components
    kept.save(doc, model)
    for (const id of this.#others.get(doc.number) ?? []) kept.drop(id)
    this.#others.delete(doc.number)
  }

  #put({ space }: IndexedDoc, row: TextRow, vector: Int8Array): void {
    this.#spaces.get(space.id)!.vectors!.put(row.id, { ...row, at: row.at ?? Number.NaN }, vector)
  }

  #isWaiting({ id, doc }: TextRow): boolean {
    return this.#waiting.get(doc)?.has(id) ?? false
  }

  /** The first ones of a model say how long its vectors are. */
  #fits(space: string, dimensions: number): boolean {
    const of = this.#spaces.get(space)!
    of.vectors ??= new Vectors(dimensions)
    return of.vectors.dimensions === dimensions
  }

  /** @returns whether it did a step. */
  #restore(doc: IndexedDoc): boolean {
    const steps = this.#restored.get(doc.number) ?? this.#restoring(doc)
    this.#restored.set(doc.number, steps)
    return steps.next().done !== true
  }

  *#restoring(doc: IndexedDoc): Generator<undefined, void> {
    const { texts, kept } = this.#components
    const boxes = kept.boxes(doc)
    if (boxes.length === 0) return
    this.#onDisk.delete(doc.number)
    this.#others.delete(doc.number)
    const rows = new Map<string, TextRow[]>()
    for (const [n, { id, isFound }] of texts.ofDoc(doc.number).entries()) {
      if (!isFound) continue
      if (n % HASHED_AT_ONCE === HASHED_AT_ONCE - 1) yield
      const row = texts.get(id)
      const hash = row && hashOf(textOf(doc, row))
      if (row) rows.set(hash!, [...(rows.get(hash!) ?? []), row])
    }
    for (const box of boxes) {
      this.#takeBox(doc, box, rows)
      yield
    }
    const { model } = this.#spaces.get(doc.space.id)!
    if (this.pending(doc.number) === 0) this.#complete(doc, model)
    else kept.save(doc, model)
  }

  /** What is of no text any more leaves the disk with the box, once half of a box is such. */
  #takeBox(doc: IndexedDoc, id: number, rows: Map<string, TextRow[]>): void {
    const { kept } = this.#components
    const { model } = this.#spaces.get(doc.space.id)!
    const box = kept.open(doc, id)
    if (box !== undefined && box.model !== model) {
      this.#others.set(doc.number, [...(this.#others.get(doc.number) ?? []), id])
      return
    }
    // One of both lengths is a lie, and which one is not known.
    if (box !== undefined && !this.#fits(doc.space.id, box.dimensions)) return
    const all = box?.all ?? []
    const used: Kept[] = all.filter(({ hash, vector }) => {
      const found = rows.get(hash) ?? []
      for (const row of found.filter(row => this.#isWaiting(row))) {
        this.removed(row.id, doc)
        this.#put(doc, row, vector)
      }
      // Another vector of the same text is of no use.
      return rows.delete(hash)
    })
    const isRewritten = used.length * 2 <= all.length
    this.#count(doc, isRewritten ? used.length : all.length)
    if (!isRewritten) return
    kept.drop(id)
    for (const one of used) kept.add(doc, model, { ...one, vector: one.vector.slice() })
  }
}

const isKept = ({ space, tag }: IndexedDoc): boolean => space.isReadable && !space.isForgotten(tag)

/** As a model gets it. */
const textOf = ({ kind }: IndexedDoc, { key, text, about }: TextRow): string =>
  (kind === 'facts' && about === null ? `${key}: ${text}` : text).slice(0, CHARS_MAX).toWellFormed()
