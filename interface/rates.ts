/** How often each of many may do something: so much at once, and so much a second after that. */

import type { Clock } from './clock.ts'
import { LumosError } from './errors.ts'

/** Counted at the same time. Those that asked longest ago are forgotten first. */
const KEYS_MAX = 1024

export interface Rate {
  /** Asked at once. */
  readonly burst: number
  readonly perSecond: number
}

interface Bucket {
  readonly left: number
  readonly atMs: number
}

export class Rates {
  readonly #clock: Clock
  readonly #rate: Rate
  /** The one that asked longest ago first. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: Clock, rate: Rate) {
    this.#clock = clock
    this.#rate = rate
  }

  /** `RATE_LIMITED`, with the time after which this one may ask again, or nothing. */
  take(key: string): LumosError | undefined {
    const { burst, perSecond } = this.#rate
    const nowMs = this.#clock.monotonicMs()
    const { left, atMs } = this.#buckets.get(key) ?? { left: burst, atMs: nowMs }
    const filled = Math.min(burst, left + ((nowMs - atMs) * perSecond) / 1000)
    const isTaken = filled >= 1
    this.#buckets.delete(key)
    this.#buckets.set(key, { left: isTaken ? filled - 1 : filled, atMs: nowMs })
    if (this.#buckets.size > KEYS_MAX) this.#buckets.delete(this.#buckets.keys().next().value!)
    if (isTaken) return undefined
    const retryAfterMs = Math.ceil(((1 - filled) * 1000) / perSecond)
    return new LumosError('RATE_LIMITED', `More than ${perSecond} requests a second came from here.`, {
      hint: 'Ask less often.',
      details: { retryAfterMs }
    })
  }
}
