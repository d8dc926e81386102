/** Searches, as programs ask for them. The thread of memory has the index; this brings it on, and lets it go. */

import type { Timer } from '../../../interface/clock.ts'
import { InvalidInputError } from '../../../interface/errors.ts'
import {
  type MemorySearch,
  type MemorySearchOptions,
  SEARCH_CHARS_MAX,
  SEARCH_FOUND_MAX
} from '../../../interface/memory-search.ts'
import type { MemoryEngine } from '../worker/engine.ts'
import { Embedder, type EmbedderComponents } from './embedder.ts'

/** An index that is not used takes memory, and holds plain text. */
const IDLE_MS = 10 * 60 * 1000

export interface SearchingComponents extends EmbedderComponents {
  readonly engine: EmbedderComponents['engine'] & Pick<MemoryEngine, 'search' | 'searched' | 'closeIndex'>
}

export class Searching {
  readonly #components: SearchingComponents
  readonly #embedder: Embedder
  #timer: Timer | undefined

  constructor(components: SearchingComponents) {
    this.#components = components
    this.#embedder = new Embedder(components)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#embedder.stop()
  }

  async search(text: string, { signal, ...options }: MemorySearchOptions): Promise<MemorySearch> {
    const { engine } = this.#components
    const limit = options.limit ?? 10
    if (!Number.isInteger(limit) || limit < 1 || limit > SEARCH_FOUND_MAX)
      throw new InvalidInputError(`A search finds 1 to ${SEARCH_FOUND_MAX} texts.`)
    const query = { ...options, limit, text: text.slice(0, SEARCH_CHARS_MAX).toWellFormed() }
    this.#letGoWhenIdle()
    const vector = await this.#vectorOf(query, signal)
    for (;;) {
      signal?.throwIfAborted()
      const found = await engine.search({ ...query, ...(vector && { vector }) }, { signal })
      if (found === null) continue
      if (options.mode !== 'text') this.#embedder.work()
      return found
    }
  }

  async #vectorOf({ text, mode, spaces }: MemorySearchOptions & { text: string }, signal?: AbortSignal) {
    if (mode === 'text' || text.trim() === '') return undefined
    const ids = await this.#components.engine.searched(spaces, { signal })
    return await this.#embedder.question(text, ids, { signal })
  }

  #letGoWhenIdle(): void {
    const { clock, engine } = this.#components
    this.#timer?.cancel()
    this.#timer = clock.setTimer(() => {
      // What is being made would be made again.
      if (this.#embedder.isWorking) this.#letGoWhenIdle()
      else void engine.closeIndex().catch(() => {})
    }, IDLE_MS)
  }
}
