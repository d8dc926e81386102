/**
 * The clock of one simulated device: its wall time can be wrong, jump and run
 * fast, and its timers wait while the device's process is stopped.
 *
 * Monotonic time is the system's own: no correction moves it, and it goes on
 * while a process is stopped, as on Linux.
 */

import type { Clock, Timer } from '../interface/clock.ts'

export class HostClock implements Clock {
  readonly #system: Clock
  #jumpedMs = 0
  #driftPpm = 0
  #driftSinceMs = 0
  #frozen = false
  #due: (() => void)[] = []

  constructor(system: Clock) {
    this.#system = system
  }

  wallMs(): number {
    const driftedMs = ((this.#system.monotonicMs() - this.#driftSinceMs) * this.#driftPpm) / 1e6
    return this.#system.wallMs() + this.#jumpedMs + driftedMs
  }

  monotonicMs(): number {
    return this.#system.monotonicMs()
  }

  setTimer(task: () => void, delayMs: number): Timer {
    let cancelled = false
    const timer = this.#system.setTimer(() => {
      const run = () => {
        if (!cancelled) task()
      }
      if (this.#frozen) this.#due.push(run)
      else run()
    }, delayMs)
    return {
      cancel() {
        cancelled = true
        timer.cancel()
      }
    }
  }

  /** The wall clock jumps, back when negative, and from now on runs fast by `driftPpm`. */
  jump(jumpMs: number, driftPpm = 0): void {
    this.#jumpedMs += this.wallMs() - this.#system.wallMs() - this.#jumpedMs + jumpMs
    this.#driftPpm = driftPpm
    this.#driftSinceMs = this.#system.monotonicMs()
  }

  /** The wall clock is right again. */
  correct(): void {
    this.#jumpedMs = 0
    this.#driftPpm = 0
  }

  /** The same wall clock, for the next process on the device. */
  successor(): HostClock {
    const next = new HostClock(this.#system)
    next.jump(this.wallMs() - this.#system.wallMs(), this.#driftPpm)
    return next
  }

  freeze(): void {
    this.#frozen = true
  }

  /** Timers that came due meanwhile fire now, in their order. */
  thaw(): void {
    this.#frozen = false
    for (const task of this.#due.splice(0)) task()
  }
}
