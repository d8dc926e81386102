/** Months for tests that have seconds. */

import { type Clock, systemClock } from '../../interface/clock.ts'

const DAY_MS = 24 * 3600 * 1000

/** The system's clock, whose days pass when a test says so. */
export class Calendar implements Clock {
  #aheadMs: number
  #daily: (() => void)[] = []

  constructor(aheadMs = 0) {
    this.#aheadMs = aheadMs
  }

  wallMs = (): number => systemClock.wallMs() + this.#aheadMs
  monotonicMs = (): number => systemClock.monotonicMs()

  setTimer(task: () => void, delayMs: number) {
    if (delayMs < DAY_MS) return systemClock.setTimer(task, delayMs)
    this.#daily.push(task)
    return { cancel: () => void this.#daily.splice(this.#daily.indexOf(task), 1) }
  }

  passDays(days: number): void {
    this.#aheadMs += days * DAY_MS
    for (const task of this.#daily.splice(0)) task()
  }
}
