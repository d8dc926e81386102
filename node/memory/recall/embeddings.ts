/** Vectors of the texts of the index by one model, and the texts that have none yet. */

import type { TextIndex } from '../../../storage/memory/text-index.ts'
import type { IndexedDoc, IndexedDocs } from './indexed-docs.ts'
import type { Embedded, Unembedded } from './types.ts'
import { type Allows, DIMENSIONS_MAX, toBytes, Vectors } from './vectors.ts'

/** A piece of a file may be longer than any model reads. */
const CHARS_MAX = 4000

export class Embeddings {
  #model: string | null = null
  readonly #texts: TextIndex
  readonly #docs: IndexedDocs
  /** By the number of the document. */
  readonly #waiting = new Map<number, Set<number>>()
  /** None before the model has said how many numbers it makes. */
  #vectors: Vectors | undefined

  constructor(texts: TextIndex, docs: IndexedDocs) {
    this.#texts = texts
    this.#docs = docs
  }

  get model(): string | null {
    return this.#model
  }

  /** What another model has made says nothing to this one. */
  use(model: string): void {
    if (model === this.#model) return
    this.#model = model
    if (this.#vectors === undefined) return
    this.#vectors = undefined
    this.#waiting.clear()
    for (const doc of this.#docs.all())
      for (const { id } of this.#texts.ofDoc(doc.number)) this.added(id, doc)
  }

  get bytes(): number {
    return this.#vectors?.bytes ?? 0
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

  pending(doc: number): number {
    return this.#waiting.get(doc)?.size ?? 0
  }

  next(limit: number, except: readonly string[]): Unembedded | null {
    for (const [number, ids] of this.#waiting) {
      const { space, kind } = this.#docs.get(number)
      if (except.includes(space.id)) continue
      const texts = [...ids.values().take(limit)].map(id => {
        const { key, text, about } = this.#texts.get(id)!
        const named = kind === 'facts' && about === null ? `${key}: ${text}` : text
        return { id, text: named.slice(0, CHARS_MAX).toWellFormed() }
      })
      return { space: space.id, texts }
    }
    return null
  }

  /** @returns false: nothing was taken of it, for vectors of this model are of another length. */
  take({ model, ids, dimensions, numbers }: Embedded): boolean {
    if (model !== this.#model || dimensions > DIMENSIONS_MAX) return false
    if (numbers !== null) this.#vectors ??= new Vectors(dimensions)
    if (numbers !== null && dimensions !== this.#vectors?.dimensions) return false
    ids.forEach((id, i) => {
      const row = this.#texts.get(id)
      // The text has changed meanwhile, or is gone.
      if (row === undefined || !this.#waiting.get(row.doc)?.has(id)) return
      this.removed(id, row.doc)
      const vector = numbers && toBytes(numbers.subarray(i * dimensions, (i + 1) * dimensions))
      if (vector) this.#vectors!.put(id, { ...row, at: row.at ?? Number.NaN }, vector)
    })
    return true
  }

  /** @returns nothing where vectors of this model are of another length, or there are none. */
  nearest(model: string, question: Float32Array, allows: Allows, limit: number): number[] | undefined {
    if (model !== this.#model || question.length !== this.#vectors?.dimensions) return undefined
    return this.#vectors.nearest(question, allows, limit)
  }
}
