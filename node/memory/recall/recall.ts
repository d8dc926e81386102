/**
 * The index of what is readable on this device. It is in the memory of this thread only. A search builds it, in short
 * steps with other calls in between, and brings it in step with what has changed since.
 */

import { TextIndex, type TextRow } from '../../../storage/memory/text-index.ts'
import type { VectorTable } from '../../../storage/memory/vector-table.ts'
import type { Space } from '../space/space.ts'
import type { Spaces } from '../space/spaces.ts'
import type { DocItem, DocModel } from '../types.ts'
import type { EngineEvent } from '../worker/engine.ts'
import { Embeddings } from './embeddings.ts'
import { found } from './found.ts'
import { type IndexedDoc, IndexedDocs, type Walk } from './indexed-docs.ts'
import { KeptVectors } from './kept-vectors.ts'
import { ListedPieces } from './listed-pieces.ts'
import { Room } from './room.ts'
import { piecesOf } from './texts.ts'
import type { Embedded, EngineQuery, EngineSearch, Unembedded } from './types.ts'
import { wordsOf } from './words.ts'
import { Writers } from './writers.ts'

/** Writes wait for no longer, and a document that is opened. */
const STEP_MS = 20
/** Texts and vectors: about 250,000 short texts with vectors of 384 numbers. */
const INDEX_BYTES_MAX = 256 * 1024 * 1024
/** How often the size is looked at. */
const LOOK_EVERY = 64

export class Recall {
  readonly #all: Spaces
  readonly #vectors: VectorTable
  readonly #room: Room
  #docs: IndexedDocs
  #listed = new ListedPieces()
  #index: { readonly texts: TextIndex; readonly embeddings: Embeddings } | undefined
  readonly #writers = new Writers()
  #lastId = 0
  #puts = 0

  constructor(all: Spaces, vectors: VectorTable, bytesMax = INDEX_BYTES_MAX) {
    this.#all = all
    this.#vectors = vectors
    this.#room = new Room(bytesMax)
    this.#docs = new IndexedDocs(all)
  }

  /** What was written, here or elsewhere, and what came and went. */
  noticed(event: EngineEvent): void {
    if (this.#index === undefined) return
    for (const doc of this.#docs.noticed(event)) this.#drop(doc)
  }

  /** All of it leaves memory. */
  close(): void {
    this.#index?.texts.close()
    this.#index = undefined
    this.#docs = new IndexedDocs(this.#all)
    this.#listed = new ListedPieces()
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
    this.#index = { texts, embeddings: new Embeddings({ texts, docs: this.#docs, kept }) }
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
    return this.#open().texts.together(() => {
      for (const doc of spaces.flatMap(space => this.#docs.list(space))) this.#drop(doc)
      this.#look()
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
      this.#put(doc, name, this.#model(doc)?.items(name) ?? [], true)
    }
    return true
  }

  #model({ space, name, kind }: IndexedDoc): DocModel | undefined {
    // A space of many documents takes its time, and gets on.
    this.#all.parts.applying(null)
    try {
      return this.#all.documents.open(space, name, kind).model
    } catch {
      return undefined
    }
  }

  #walk(doc: IndexedDoc, isLate: () => boolean): boolean {
    const { documents, parts } = this.#all
    if (doc.walk !== undefined && doc.walk.drops !== documents.drops) doc.walk = undefined
    doc.walk ??= this.#begin(doc)
    const { names, seen, model } = doc.walk
    for (let n = 0; ; n++) {
      if (n % LOOK_EVERY === LOOK_EVERY - 1) {
        if (isLate()) return false
        parts.applying(null)
      }
      const { value: name, done } = names.next()
      if (done) break
      seen?.add(name)
      this.#put(doc, name, model?.items(name) ?? [], seen !== undefined)
    }
    if (seen !== undefined)
      for (const { key } of this.#open().texts.ofDoc(doc.number))
        if (!seen.has(key)) this.#put(doc, key, [], true)
    doc.isWhole = true
    doc.walk = undefined
    return true
  }

  #begin(doc: IndexedDoc): Walk {
    const model = this.#model(doc)
    doc.left = 0
    const names = (model?.names() ?? [])[Symbol.iterator]()
    const seen = doc.texts > 0 ? new Set<string>() : undefined
    return { names, model, seen, drops: this.#all.documents.drops }
  }

  /** What is there already stays as it is, with its vector. */
  #put(doc: IndexedDoc, key: string, items: readonly DocItem[], mayBeThere: boolean): void {
    const now = new Map<string, Omit<TextRow, 'id'>>()
    let freed = 0
    if (doc.kind === 'facts')
      for (const piece of this.#listed.put(doc.number, key, items[0]?.value)) doc.changed.add(piece)
    for (const item of items) {
      if (doc.kind === 'facts' && !this.#listed.has(doc.number, key, item.value)) continue
      for (const piece of piecesOf(doc.kind, key, item)) {
        const writer = this.#writers.numberOf(item.writer)
        const row = { doc: doc.number, key, ...piece, writer, at: item.at }
        now.set(contentOf(row), row)
      }
    }
    for (const row of mayBeThere ? this.#open().texts.of(doc.number, key) : [])
      if (!now.delete(contentOf(row))) {
        this.#remove(doc, row.id)
        freed += charsOf(row)
      }
    doc.chars -= freed
    for (const row of now.values()) {
      if (++this.#puts % LOOK_EVERY === 0) this.#look()
      // What takes the place of another one needs no more room.
      if (this.#room.isFull(doc.space) && charsOf(row) > freed) doc.left++
      else {
        freed -= charsOf(row)
        this.#add(doc, row)
      }
    }
  }

  #add(doc: IndexedDoc, row: Omit<TextRow, 'id'>): void {
    const id = ++this.#lastId
    const named = doc.kind === 'facts' && row.text !== '' ? `${row.key} ${row.text}` : row.text
    this.#open().texts.add({ id, ...row }, wordsOf(named))
    doc.texts++
    doc.chars += charsOf(row)
    if (row.text !== '') this.#open().embeddings.added(id, doc)
  }

  #remove(doc: IndexedDoc, id: number): void {
    this.#open().texts.remove(id)
    doc.texts--
    this.#open().embeddings.removed(id, doc)
  }

  #drop(doc: IndexedDoc): void {
    this.#listed.drop(doc.number)
    this.#open().embeddings.dropped(doc)
    for (const { id } of this.#open().texts.ofDoc(doc.number)) this.#remove(doc, id)
  }

  #look(): void {
    const { texts, embeddings } = this.#open()
    this.#room.look(texts.bytes + embeddings.bytes + this.#listed.bytes, this.#docs.all())
  }
}

const charsOf = ({ key, text, about }: Omit<TextRow, 'id'>): number =>
  key.length + text.length + (about?.length ?? 0)

/** What was said twice in one place is there once. */
const contentOf = ({ text, about, writer, at }: Omit<TextRow, 'id'>): string =>
  JSON.stringify([text, about, writer, at])
