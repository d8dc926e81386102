/** What a document says under a key comes into the index, and what it said before leaves it: in steps, for notes are one key. */

import type { TextIndex, TextRow } from '../../../storage/memory/text-index.ts'
import type { DocItem } from '../types.ts'
import type { Embeddings } from './embeddings.ts'
import type { IndexedDoc, IndexedDocs } from './indexed-docs.ts'
import { ListedPieces } from './listed-pieces.ts'
import type { Room } from './room.ts'
import { piecesOf } from './texts.ts'
import { wordsOf } from './words.ts'
import type { Writers } from './writers.ts'

/** How often the size is looked at. */
const LOOK_EVERY = 64

export interface PutsComponents {
  readonly texts: TextIndex
  readonly embeddings: Embeddings
  readonly docs: IndexedDocs
  readonly room: Room
  readonly writers: Writers
  /** None is given twice: a model may answer about a text of an index that is gone. */
  nextId(): number
}

export class Puts {
  readonly #components: PutsComponents
  readonly #listed = new ListedPieces()
  #puts = 0

  constructor(components: PutsComponents) {
    this.#components = components
  }

  /** What is there already stays as it is, with its vector. A put that is given up between two steps may be begun anew. */
  *put(
    doc: IndexedDoc,
    key: string,
    items: readonly DocItem[],
    mayBeThere: boolean
  ): Generator<undefined, void> {
    const { texts, room, writers } = this.#components
    const now = new Map<string, Omit<TextRow, 'id'>>()
    if (doc.kind === 'facts')
      for (const piece of this.#listed.put(doc.number, key, items[0]?.value)) doc.changed.add(piece)
    for (const item of items) {
      if (doc.kind === 'facts' && !this.#listed.has(doc.number, key, item.value)) continue
      for (const piece of piecesOf(doc.kind, key, item)) {
        const writer = writers.numberOf(item.writer)
        const row = { doc: doc.number, key, ...piece, writer, at: item.at }
        now.set(contentOf(row), row)
        yield
      }
    }
    let freed = 0
    for (const id of mayBeThere ? texts.idsOf(doc.number, key) : []) {
      const row = texts.get(id)!
      if (!now.delete(contentOf(row))) {
        this.#remove(doc, id)
        freed += charsOf(row)
        doc.chars -= charsOf(row)
      }
      yield
    }
    for (const row of now.values()) {
      if (++this.#puts % LOOK_EVERY === 0) this.look()
      // What takes the place of another one needs no more room.
      if (room.isFull(doc.space) && charsOf(row) > freed) doc.left++
      else {
        freed -= charsOf(row)
        this.#add(doc, row)
      }
      yield
    }
  }

  drop(doc: IndexedDoc): void {
    const { texts, embeddings } = this.#components
    this.#listed.drop(doc.number)
    embeddings.dropped(doc)
    for (const { id } of texts.ofDoc(doc.number)) this.#remove(doc, id)
  }

  look(): void {
    const { texts, embeddings, docs, room } = this.#components
    room.look(texts.bytes + embeddings.bytes + this.#listed.bytes, docs.all())
  }

  #add(doc: IndexedDoc, row: Omit<TextRow, 'id'>): void {
    const { texts, embeddings, nextId } = this.#components
    const id = nextId()
    const named = doc.kind === 'facts' && row.text !== '' ? `${row.key} ${row.text}` : row.text
    texts.add({ id, ...row }, wordsOf(named))
    doc.texts++
    doc.chars += charsOf(row)
    if (row.text !== '') embeddings.added(id, doc)
  }

  #remove(doc: IndexedDoc, id: number): void {
    const { texts, embeddings } = this.#components
    texts.remove(id)
    doc.texts--
    embeddings.removed(id, doc)
  }
}

const charsOf = ({ key, text, about }: Omit<TextRow, 'id'>): number =>
  key.length + text.length + (about?.length ?? 0)

/** What was said twice in one place is there once. */
const contentOf = ({ text, about, writer, at }: Omit<TextRow, 'id'>): string =>
  JSON.stringify([text, about, writer, at])
