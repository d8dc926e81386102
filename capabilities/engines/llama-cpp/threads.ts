/** How many threads a model is computed with: as many as were measured to be worth it, and fewer while cores have other work. */

import type { Clock } from '../../../interface/clock.ts'
import { measuredThreads, newThreadsSearch } from '../threads-core.ts'

/** A token that takes so many times longer than was measured is a sign of other work on the cores. */
const SLOW_TIMES = 6
/** In a row: one may be chance. */
const SLOW_TOKENS = 3

export interface ThreadsOptions {
  readonly clock: Clock
  /** Cores of this device; one is left to the network. */
  readonly cores: number
  /** Uses so many from now on. */
  use(threads: number): void
}

export class Threads {
  readonly #options: ThreadsOptions
  #threads = 1
  /** Of a token, as it was measured. */
  #tokenMs = Number.POSITIVE_INFINITY
  #slow = 0

  constructor(options: ThreadsOptions) {
    this.#options = options
    options.use(1)
  }

  get count(): number {
    return this.#threads
  }

  /** @param token computes one token. */
  async measure(token: () => Promise<void>): Promise<void> {
    const { cores, use } = this.#options
    await token()
    let search = newThreadsSearch(Math.max(1, cores - 1))
    while (search.next !== undefined) {
      use(search.next)
      search = measuredThreads(search, await this.#timeOf(token))
    }
    const { threads, ms } = search.best!
    this.#threads = threads
    this.#tokenMs = ms
    use(threads)
  }

  /** A token of an answer took so long. */
  took(tokenMs: number): void {
    this.#slow = tokenMs > this.#tokenMs * SLOW_TIMES ? this.#slow + 1 : 0
    if (this.#slow < SLOW_TOKENS || this.#threads === 1) return
    this.#slow = 0
    this.#threads = Math.floor(this.#threads / 2)
    // With fewer threads a token takes longer, which is no sign of anything.
    this.#tokenMs *= 2
    this.#options.use(this.#threads)
  }

  async #timeOf(token: () => Promise<void>): Promise<number> {
    const { clock } = this.#options
    const startMs = clock.monotonicMs()
    await token()
    return clock.monotonicMs() - startMs
  }
}
