/** Vectors of the texts of the index by one model, and the texts that have none yet. */

import type { TextIndex, TextRow } from '../../../storage/memory/text-index.ts'
import type { IndexedDoc, IndexedDocs } from './indexed-docs.ts'
import { hashOf, type Kept, type KeptVectors } from './kept-vectors.ts'
import type { Embedded, Unembedded } from './types.ts'
import { type Allows, DIMENSIONS_MAX, toBytes, Vectors } from './vectors.ts'

/** A piece of a file may be longer than any model reads. */
const CHARS_MAX = 4000
/** Between two steps of looking for what was made before. */
const HASHED_AT_ONCE = 500

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
  #model: string | null = null
  /** None before the model has said how many numbers it makes. */
  #vectors: Vectors | undefined

  constructor(components: EmbeddingsComponents) {
    this.#components = components
  }

  get model(): string | null {
    return this.#model
  }

  get bytes(): number {
    return this.#vectors?.bytes ?? 0
  }

  /** What another model has made says nothing to this one. */
  use(model: string): void {
    if (model === this.#model) return
    const { texts, docs } = this.#components
    this.#model = model
    this.#restored.clear()
    if (this.#vectors === undefined) return
    this.#vectors = undefined
    this.#waiting.clear()
    for (const doc of docs.all())
      for (const { id, isFound } of texts.ofDoc(doc.number)) if (isFound) this.added(id, doc)
  }

  added(id: number, { number }: IndexedDoc): void {
    const waiting = this.#waiting.get(number)
    if (waiting === undefined) this.#waiting.set(number, new Set([id]))
    else waiting.add(id)
  }

  removed(id: number, doc: number): void {
    const waiting = this.#waiting.get(doc)
    waiting?.delete(id)
    if (waiting?.size === 0) this.#waiting.delete(doc)
    this.#vectors?.remove(id)
  }

  /** Nothing of it is written any more. */
  dropped(doc: IndexedDoc): void {
    this.#restored.delete(doc.number)
    this.#components.kept.dropped(doc)
  }

  pending(doc: number): number {
    return this.#waiting.get(doc)?.size ?? 0
  }

  /** No texts: it has looked for some that were made before, and is to be asked again. */
  next(limit: number, except: readonly string[]): Unembedded | null {
    const { docs, texts } = this.#components
    for (const [number, ids] of this.#waiting) {
      const doc = docs.get(number)
      const space = doc.space.id
      if (except.includes(space) || !isKept(doc)) continue
      if (this.#restore(doc)) return { space, texts: [] }
      const rows = [...ids.values().take(limit)].map(id => texts.get(id)!)
      return { space, texts: rows.map(row => ({ id: row.id, text: textOf(doc, row) })) }
    }
    return null
  }

  /** @returns false: nothing was taken of it, for vectors of this model are of another length. */
  take({ model, ids, dimensions, numbers }: Embedded): boolean {
    const { texts, docs, kept } = this.#components
    if (model !== this.#model || dimensions > DIMENSIONS_MAX) return false
    if (numbers !== null && !this.#fits(dimensions)) return false
    const touched = new Set<IndexedDoc>()
    ids.forEach((id, i) => {
      const row = texts.get(id)
      // The text has changed meanwhile, or is gone.
      if (row === undefined || !this.#isWaiting(row)) return
      const doc = docs.get(row.doc)
      if (!isKept(doc) || !doc.isWhole || doc.changed.size > 0) return
      const vector = numbers && toBytes(numbers.subarray(i * dimensions, (i + 1) * dimensions))
      this.removed(id, row.doc)
      if (!vector) return
      this.#put(row, vector)
      kept.add(doc, model, { hash: hashOf(textOf(doc, row)), vector })
      touched.add(doc)
    })
    for (const doc of touched) if (this.pending(doc.number) === 0) kept.save(doc, model)
    return true
  }

  /** @returns nothing where vectors of this model are of another length, or there are none. */
  nearest(model: string, question: Float32Array, allows: Allows, limit: number): number[] | undefined {
    if (model !== this.#model || question.length !== this.#vectors?.dimensions) return undefined
    return this.#vectors.nearest(question, allows, limit)
  }

  #put(row: TextRow, vector: Int8Array): void {
    this.#vectors!.put(row.id, { ...row, at: row.at ?? Number.NaN }, vector)
  }

  #isWaiting({ id, doc }: TextRow): boolean {
    return this.#waiting.get(doc)?.has(id) ?? false
  }

  /** The first ones of a model say how long its vectors are. */
  #fits(dimensions: number): boolean {
    this.#vectors ??= new Vectors(dimensions)
    return this.#vectors.dimensions === dimensions
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
    const rows = new Map<string, TextRow[]>()
    for (const [n, id] of [...(this.#waiting.get(doc.number) ?? [])].entries()) {
      if (n % HASHED_AT_ONCE === HASHED_AT_ONCE - 1) yield
      const row = texts.get(id)
      const hash = row && hashOf(textOf(doc, row))
      if (row) rows.set(hash!, [...(rows.get(hash!) ?? []), row])
    }
    for (const box of boxes) {
      this.#takeBox(doc, box, rows)
      yield
    }
    kept.save(doc, this.#model!)
  }

  /** What is of no text any more leaves the disk with the box, once half of a box is such. */
  #takeBox(doc: IndexedDoc, id: number, rows: ReadonlyMap<string, readonly TextRow[]>): void {
    const { kept } = this.#components
    const model = this.#model!
    const all = kept.open(doc, id, model) ?? []
    const used: Kept[] = all.filter(({ hash, vector }) => {
      const found = (this.#fits(vector.length) && rows.get(hash)) || []
      for (const row of found.filter(row => this.#isWaiting(row))) {
        this.removed(row.id, row.doc)
        this.#put(row, vector)
      }
      return found.length > 0
    })
    if (used.length * 2 > all.length) return
    kept.drop(id)
    for (const one of used) kept.add(doc, model, { ...one, vector: one.vector.slice() })
  }
}

const isKept = ({ space, tag }: IndexedDoc): boolean => space.isReadable && !space.isForgotten(tag)

/** As a model gets it. */
const textOf = ({ kind }: IndexedDoc, { key, text, about }: TextRow): string =>
  (kind === 'facts' && about === null ? `${key}: ${text}` : text).slice(0, CHARS_MAX).toWellFormed()
