/** A clock that stands still until a test moves it. */

import type { Clock, Timer } from '../../interface/clock.ts'

interface Pending {
  readonly task: () => void
  readonly atMs: number
}

export class ManualClock implements Clock {
  #nowMs = 0
  readonly #pending = new Set<Pending>()

  wallMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  setTimer(task: () => void, delayMs: number): Timer {
    const pending = { task, atMs: this.#nowMs + Math.max(0, delayMs) }
    this.#pending.add(pending)
    return { cancel: () => this.#pending.delete(pending) }
  }

  /** How many are set. */
  get timers(): number {
    return this.#pending.size
  }

  /** Moves on, running what becomes due, in order. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms
    for (;;) {
      const due = [...this.#pending].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#pending.delete(due)
      this.#nowMs = due.atMs
      due.task()
    }
    this.#nowMs = endMs
  }
}
