/** The answer to a search: by words, by vectors, or one order of both. */

import type { MemoryFound, MemorySearch, SearchMode } from '../../../interface/memory-search.ts'
import type { TextFilter, TextIndex, TextRow } from '../../../storage/memory/text-index.ts'
import { nameOf } from '../space/batches.ts'
import type { Embeddings } from './embeddings.ts'
import { fuse } from './fusion-core.ts'
import type { IndexedDoc } from './indexed-docs.ts'
import { sourceOfPiece } from './texts.ts'
import type { EngineQuery } from './types.ts'
import { matchOf } from './words.ts'

/** Of each order so many are looked at; more than are shown, as what both have is better than what one has. */
const RANKED = 200
const FOUND_DEFAULT = 10
/** Of one text. A member may write a piece of a file of 240 KiB, and a hundred of them go to another thread. */
const TEXT_CHARS_MAX = 8000

interface Parts {
  readonly texts: TextIndex
  /** Of the spaces that are searched. */
  readonly docs: readonly IndexedDoc[]
  readonly isAll: boolean
  readonly embeddings: Embeddings
  numberOfWriter(name: string): number | undefined
  /** Empty: many. */
  nameOfWriter(number: number): string
}

export function found(query: EngineQuery, parts: Parts): Omit<MemorySearch, 'pending' | 'left'> {
  const { mode = 'hybrid', limit = FOUND_DEFAULT, writer } = query
  const docs = parts.docs.filter(
    ({ name, kind }) => (query.docs?.includes(nameOf(name)) ?? true) && (query.kinds?.includes(kind) ?? true)
  )
  const by = writer === undefined ? undefined : (parts.numberOfWriter(writer) ?? -1)
  const isAll = parts.isAll && docs.length === parts.docs.length
  const groups = [...Map.groupBy(docs, ({ space }) => space).values()].map(of => of.map(doc => doc.number))
  const filter = { docs: isAll && groups.length < 2 ? undefined : groups, writer: by }
  const near = mode === 'text' ? undefined : nearest(query, parts, docs, by)
  // Where no vector of the query could be made, words are better than nothing.
  const words =
    mode === 'vector' && near !== undefined ? undefined : matching(query, parts.texts, filter, limit)
  const done: SearchMode = near === undefined ? 'text' : words === undefined ? 'vector' : 'hybrid'
  const rows = new Map<number, TextRow>()
  for (const id of [...(near ?? []), ...(words ?? [])]) rows.set(id, rows.get(id) ?? parts.texts.get(id)!)
  const order = fuse([near ?? [], words ?? []], id => rows.get(id)!.at)
  const numbered = new Map(docs.map(doc => [doc.number, doc]))
  const items = order
    .values()
    .flatMap(({ id, score }) => shown(rows.get(id)!, score, numbered, parts) ?? [])
    .take(limit)
  const made = near === undefined ? undefined : query.vector?.model
  const model =
    made ??
    docs
      .values()
      .map(({ space }) => parts.embeddings.modelOf(space))
      .find(known => known !== null)
  return { found: [...items], mode: done, model: model ?? null }
}

function nearest(
  { vector, since, until }: EngineQuery,
  { embeddings }: Parts,
  docs: readonly IndexedDoc[],
  by: number | undefined
): number[] | undefined {
  if (vector === undefined) return undefined
  const isAsked = new Uint8Array(1 + docs.reduce((most, { number }) => Math.max(most, number), 0))
  for (const { number } of docs) isAsked[number] = 1
  const isTimed = since !== undefined || until !== undefined
  const [from, to] = [since ?? Number.NEGATIVE_INFINITY, until ?? Number.POSITIVE_INFINITY]
  // What has no time is not a number, and in no span of time.
  const allows = (doc: number, writer: number, at: number) =>
    isAsked[doc] === 1 && (by === undefined || by === writer) && (!isTimed || (at >= from && at <= to))
  return embeddings.nearest(vector, new Set(docs.map(({ space }) => space.id)), allows, RANKED)
}

/** Those that have all words, and after them, where these are few, those that have some. */
function matching(
  { text, since, until }: EngineQuery,
  texts: TextIndex,
  which: Pick<TextFilter, 'docs' | 'writer'>,
  limit: number
): number[] {
  const match = matchOf(text)
  if (match === undefined) return []
  const filter = { ...which, since, until }
  const all = texts.match(match.all, filter, RANKED)
  if (all.length >= limit || match.all === match.some) return all
  return [...new Set([...all, ...texts.match(match.some, filter, RANKED)])]
}

function shown(
  row: TextRow,
  score: number,
  docs: ReadonlyMap<number, IndexedDoc>,
  { texts, nameOfWriter }: Parts
): MemoryFound[] | undefined {
  const { space, name, kind } = docs.get(row.doc)!
  const source = sourceOfPiece(row, key => {
    const said = texts.idsOf(row.doc, key).map(id => texts.get(id))[0]
    return said && { about: said.about, writer: nameOfWriter(said.writer) }
  })
  if (source === undefined) return undefined
  const { key, at } = row
  const text = row.text.slice(0, TEXT_CHARS_MAX).toWellFormed()
  const of = { space: space.localName, doc: nameOf(name), kind, key: kind === 'notes' ? null : key }
  return [{ ...of, text, score, writer: nameOfWriter(row.writer) || null, at, source }]
}
