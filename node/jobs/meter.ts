/** How fast work goes on, and how long the rest takes at that rate. */

import type { Clock } from '../../interface/clock.ts'

/** Long enough that a leaf or two make no difference, short enough to show that a link has become slow. */
const WINDOW_MS = 10_000
/** Between two samples: the window has a few dozen of them. */
const SAMPLE_MS = 250
/** Less says nothing yet. */
const FIRST_MS = 500

export class Meter {
  readonly #clock: Clock
  readonly #samples: { atMs: number; done: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @param done since the work began, what an earlier run has done included. */
  measure(done: number, total: number): { perSecond?: number; leftMs?: number } {
    const nowMs = this.#clock.monotonicMs()
    const last = this.#samples.at(-1)
    if (last === undefined || nowMs - last.atMs >= SAMPLE_MS) this.#samples.push({ atMs: nowMs, done })
    // The first one in the window stays as its beginning.
    while (this.#samples.length > 1 && nowMs - this.#samples[1]!.atMs >= WINDOW_MS) this.#samples.shift()
    const [first] = this.#samples
    const tookMs = nowMs - first!.atMs
    if (tookMs < FIRST_MS) return {}
    const perSecond = Math.max(0, ((done - first!.done) * 1000) / tookMs)
    return perSecond === 0 ? { perSecond } : { perSecond, leftMs: ((total - done) * 1000) / perSecond }
  }
}
