/** How late timers run. It is measured only while a program asks for metrics: the measurement is a timer of its own. */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type Clock, systemClock, type Timer } from '../../interface/clock.ts'

/** Fifty times a second: a stall of that length is of interest, and it costs a thousandth of a core. */
const RESOLUTION_MS = 20
/** Programs that scrape do so each minute at least. */
const IDLE_MS = 300_000
const QUANTILES = [0.5, 0.99] as const

export class EventLoopDelay {
  readonly #clock: Clock
  #histogram: ReturnType<typeof monitorEventLoopDelay> | undefined
  #idle: Timer | undefined

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  /** Since it was read last, in seconds, by quantile. */
  read(): readonly (readonly [quantile: number, seconds: number])[] {
    this.#idle?.cancel()
    this.#idle = this.#clock.setTimer(() => this.#stop(), IDLE_MS)
    if (this.#histogram === undefined) {
      this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
      this.#histogram.enable()
    }
    const { count } = this.#histogram
    const read = QUANTILES.map(quantile => {
      const ns = count === 0 ? 0 : this.#histogram!.percentile(quantile * 100)
      // The timer itself is waited for.
      return [quantile, Math.max(0, ns / 1e9 - RESOLUTION_MS / 1000)] as const
    })
    this.#histogram.reset()
    return read
  }

  #stop(): void {
    this.#histogram?.disable()
    this.#histogram = undefined
  }
}
