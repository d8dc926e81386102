/** Recall: finding what is in memory. */

import * as z from 'zod'
import type { AbortOptions } from './lifecycle.ts'
import type { MemorySource } from './memory-files.ts'
import type { DocKind } from './memory-kinds.ts'

/** How texts are found: by their words, by what they mean (vectors), or by both. */
const SEARCH_MODES = ['hybrid', 'text', 'vector'] as const
export const SearchMode = z.enum(SEARCH_MODES)
export type SearchMode = z.infer<typeof SearchMode>

/** A search looks at the first so many characters. */
export const SEARCH_CHARS_MAX = 4096
export const SEARCH_FOUND_MAX = 100

export interface MemorySearchOptions extends AbortOptions {
  /** By name here or id; all that this device can read where it is left out. */
  readonly spaces?: readonly string[]
  readonly docs?: readonly string[]
  readonly kinds?: readonly DocKind[]
  /** PeerId of the device that wrote it. */
  readonly writer?: string
  /** Of entries and tasks, by the clock of their writer, in ms. Facts and notes have no time: these leave them out. */
  readonly since?: number
  readonly until?: number
  /** `hybrid` where it is left out. */
  readonly mode?: SearchMode
  /** 10 where it is left out; {@link SEARCH_FOUND_MAX} at most. */
  readonly limit?: number
}

export interface MemoryFound {
  /** Name of the space here. */
  readonly space: string
  readonly doc: string
  readonly kind: DocKind
  /** Of a fact, an entry or a task; null of notes. */
  readonly key: string | null
  /** All of a short text; of a long one, the piece of it that was found. */
  readonly text: string
  /** Higher is better. Compare it within one search only. */
  readonly score: number
  /** PeerId; null of notes, which many write. */
  readonly writer: string | null
  /** Null of facts and notes. */
  readonly at: number | null
  /** Of a piece of a file. */
  readonly source: MemorySource | null
}

/** What was found, the best first, and what the search could not look at. */
export interface MemorySearch {
  readonly found: readonly MemoryFound[]
  /** What it was found by: `text` also where vectors were asked for, and no device could make one of the query. */
  readonly mode: SearchMode
  /** The model that made the vectors; null where there are none. */
  readonly model: string | null
  /** Texts in these spaces that have no vector yet. */
  readonly pending: number
  /** Texts in these spaces that the index had no room for. */
  readonly left: number
}

export interface MemorySearching {
  /** What fits this question of a person, out of what this device has. It needs no connection; see docs/memory.md. */
  search(query: string, options?: MemorySearchOptions): Promise<MemorySearch>
}
