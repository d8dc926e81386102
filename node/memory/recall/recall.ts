/**
 * The index of what is readable on this device. It is in the memory of this thread only. A search builds it, in short
 * steps with other calls in between, and brings it in step with what has changed since.
 */

import { TextIndex } from '../../../storage/memory/text-index.ts'
import type { VectorTable } from '../../../storage/memory/vector-table.ts'
import { getsOn } from '../space/parts.ts'
import type { Space } from '../space/space.ts'
import type { Spaces } from '../space/spaces.ts'
import type { DocModel } from '../types.ts'
import type { EngineEvent } from '../worker/engine.ts'
import { Embeddings } from './embeddings.ts'
import { found } from './found.ts'
import { type IndexedDoc, IndexedDocs } from './indexed-docs.ts'
import { KeptVectors } from './kept-vectors.ts'
import { Puts } from './puts.ts'
import { Room } from './room.ts'
import type { Embedded, EngineQuery, EngineSearch, Unembedded } from './types.ts'
import { Writers } from './writers.ts'

/** Writes wait for no longer, and a document that is opened. */
const STEP_MS = 20
/** Texts and vectors: about 250,000 short texts with vectors of 384 numbers. */
const INDEX_BYTES_MAX = 256 * 1024 * 1024
/** How often the time is looked at. */
const LOOK_EVERY = 64
/** A document that changes faster than it is read in steps is read in one, so that a search gets its answer. */
const BEGUN_MAX = 8

export class Recall {
  readonly #all: Spaces
  readonly #vectors: VectorTable
  readonly #room: Room
  #docs: IndexedDocs
  #index: { readonly texts: TextIndex; readonly embeddings: Embeddings; readonly puts: Puts } | undefined
  readonly #writers = new Writers()
  #lastId = 0

  constructor(all: Spaces, vectors: VectorTable, bytesMax = INDEX_BYTES_MAX) {
    this.#all = all
    this.#vectors = vectors
    this.#room = new Room(bytesMax)
    this.#docs = new IndexedDocs(all)
  }

  /** What was written, here or elsewhere, and what came and went. */
  noticed(event: EngineEvent): void {
    if (this.#index === undefined) return
    for (const doc of this.#docs.noticed(event)) this.#index.puts.drop(doc)
  }

  /** All of it leaves memory. */
  close(): void {
    this.#index?.texts.close()
    this.#index = undefined
    this.#docs = new IndexedDocs(this.#all)
  }

  search(query: EngineQuery): EngineSearch {
    const spaces = this.#spaces(query.spaces)
    if (!this.#advance(spaces)) return null
    const { texts, embeddings } = this.#open()
    const docs = spaces.flatMap(space => this.#docs.of(space))
    const hits = found(query, {
      ...{ texts, docs, embeddings },
      isAll: docs.length === [...this.#docs.all()].length,
      numberOfWriter: name => this.#writers.get(name),
      nameOfWriter: number => this.#writers.nameOf(number)
    })
    return {
      ...hits,
      pending: docs.reduce((sum, { number }) => sum + embeddings.pending(number), 0),
      left: docs.reduce((sum, { left }) => sum + left, 0)
    }
  }

  /** Ids of those that are searched, all that can be read where none are named. */
  searched(refs: readonly string[] | undefined): string[] {
    return this.#spaces(refs).map(({ id }) => id)
  }

  unembedded(space: string, model: string, limit: number): Unembedded | null {
    const known = this.#known(space)
    if (this.#index === undefined || known.length === 0) return null
    // What is excluded or removed by now goes to no model.
    if (!this.#advance(known)) return []
    this.#index.embeddings.use(space, model)
    return this.#index.embeddings.next(space, limit)
  }

  /** What has changed meanwhile is not there any more. @returns whether it was taken. */
  embedded(answer: Embedded): boolean {
    if (this.#index === undefined) return false
    // Of a document that is not in step, nothing is taken: it is made again.
    this.#advance(this.#known(answer.space))
    return !this.#room.isFull({ id: answer.space }) && this.#index.embeddings.take(answer)
  }

  /** The space, where it can be read and the index has some of it. */
  #known(id: string): Space[] {
    return this.#spaces(undefined).filter(space => space.id === id && this.#docs.of(space).length > 0)
  }

  #open() {
    if (this.#index !== undefined) return this.#index
    const texts = new TextIndex()
    const kept = new KeptVectors(this.#vectors, this.#all.parts.homeKey)
    const docs = this.#docs
    const embeddings = new Embeddings({ texts, docs, kept })
    const given = { texts, embeddings, docs, room: this.#room, writers: this.#writers }
    this.#index = { texts, embeddings, puts: new Puts({ ...given, nextId: () => ++this.#lastId }) }
    return this.#index
  }

  #spaces(refs: readonly string[] | undefined): Space[] {
    if (refs !== undefined) return [...new Set(refs.map(ref => this.#all.readable(ref)))]
    return this.#all.list().filter(space => space.isReadable && !space.charter.charter.gone)
  }

  /** @returns whether the index has all of these spaces. */
  #advance(spaces: readonly Space[]): boolean {
    const { clock } = this.#all.parts
    const until = clock.monotonicMs() + STEP_MS
    const isLate = () => clock.monotonicMs() > until
    const { texts, puts } = this.#open()
    return texts.together(() => {
      for (const doc of spaces.flatMap(space => this.#docs.list(space))) puts.drop(doc)
      puts.look()
      return spaces.every(space => this.#docs.of(space).every(doc => this.#bring(doc, isLate)))
    })
  }

  /** @returns whether it is in step. A document that does not open has nothing to be found. */
  #bring(doc: IndexedDoc, isLate: () => boolean): boolean {
    if (doc.left > 0 && this.#room.isRoomy(doc.space)) doc.isWhole = false
    if (doc.isWhole && doc.changed.size === 0) return true
    if (isLate() || (!doc.isWhole && !this.#walk(doc, isLate))) return false
    for (const name of doc.changed) {
      if (isLate()) return false
      doc.changed.delete(name)
      const steps = this.#open().puts.put(doc, name, this.#model(doc)?.items(name) ?? [], true)
      while (!steps.next().done);
    }
    return true
  }

  #model({ space, name, kind }: IndexedDoc): DocModel | undefined {
    getsOn(this.#all.parts)
    try {
      return this.#all.documents.open(space, name, kind).model
    } catch {
      return undefined
    }
  }

  #walk(doc: IndexedDoc, isLate: () => boolean): boolean {
    const { documents, parts } = this.#all
    if (doc.walk !== undefined && doc.walk.drops !== documents.drops) doc.walk = undefined
    if (doc.walk === undefined) doc.begun++
    doc.walk ??= { steps: this.#steps(doc), drops: documents.drops }
    const { steps } = doc.walk
    for (let n = 1; !steps.next().done; n++) {
      if (n % LOOK_EVERY > 0) continue
      if (doc.begun <= BEGUN_MAX && isLate()) return false
      getsOn(parts)
    }
    doc.isWhole = true
    doc.walk = undefined
    doc.begun = 0
    return true
  }

  *#steps(doc: IndexedDoc): Generator<undefined, void> {
    const { texts, puts } = this.#open()
    const model = this.#model(doc)
    doc.left = 0
    // What was passed, where something may have to go afterwards.
    const seen = doc.texts > 0 ? new Set<string>() : undefined
    for (const name of model?.names() ?? []) {
      yield
      seen?.add(name)
      yield* puts.put(doc, name, model?.items(name) ?? [], seen !== undefined)
    }
    if (seen === undefined) return
    for (const { key } of texts.ofDoc(doc.number)) {
      yield
      if (!seen.has(key)) yield* puts.put(doc, key, [], true)
    }
  }
}
