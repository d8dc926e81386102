/** Origins of pages that asked `/v1` lately and are not listed: their user sees no reason. */

import type { Clock } from '../interface/clock.ts'

/** Any page can add one; the newest are those that its user asks about. */
const ORIGINS_MAX = 8
/** Longer than any name of a host with a scheme and a port. */
const ORIGIN_CHARS_MAX = 300
const REMEMBERED_MS = 3_600_000

export class RefusedOrigins {
  readonly #clock: Clock
  /** When each asked last, the oldest first. */
  readonly #askedMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(origin: string): void {
    const key = origin.slice(0, ORIGIN_CHARS_MAX)
    this.#askedMs.delete(key)
    this.#askedMs.set(key, this.#clock.monotonicMs())
    if (this.#askedMs.size > ORIGINS_MAX) this.#askedMs.delete(this.#askedMs.keys().next().value!)
  }

  /** Those of the last hour, the newest first. */
  list(): string[] {
    const sinceMs = this.#clock.monotonicMs() - REMEMBERED_MS
    return [...this.#askedMs].flatMap(([origin, ms]) => (ms > sinceMs ? [origin] : [])).reverse()
  }
}
