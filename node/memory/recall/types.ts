/** What the thread of memory is asked for a search, and what of it another thread has to do. */

import type { MemorySearch, MemorySearchOptions } from '../../../interface/memory.ts'

export interface EngineQuery extends Omit<MemorySearchOptions, 'signal'> {
  readonly text: string
  /** What a model made of the text; the model of the vectors here. */
  readonly vector?: { readonly model: string; readonly numbers: Float32Array }
}

/** Null: the index has not all yet. A call brings it on a little; so repeat it. */
export type EngineSearch = MemorySearch | null

/** Texts of one space, none where it is to be asked again, for which a model is to make vectors. */
export type Unembedded = readonly { readonly id: number; readonly text: string }[]

/** What a model made of {@link Unembedded} texts: `dimensions` numbers of each, one after the other. */
export interface Embedded {
  /** Id of the space. */
  readonly space: string
  readonly model: string
  readonly ids: readonly number[]
  readonly dimensions: number
  /** None: the model cannot take these texts. */
  readonly numbers: Float32Array | null
}
