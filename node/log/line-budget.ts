/**
 * Bounds how often lines are written. A peer can cause a line again and again, and the file keeps the newest lines
 * alone: without a bound a peer could push all others out of it.
 */

import type { Clock } from '../../interface/clock.ts'

/** Lines of one message at once: more than a mesh that starts says of itself. */
const LINES_AT_ONCE = 60
/** And after those. */
const LINES_PER_SECOND = 1
/** Messages are texts of the source, a few dozen. One that holds what a peer says must not fill the memory. */
const MESSAGES_MAX = 256

/** A peer that causes one line over and over is worth it once a minute. */
const PEER_LINE_INTERVAL_MS = 60_000
/** Peers whose last line is remembered; a flood of new keys must not fill the memory. */
const PEERS_MAX = 256

interface Budget {
  lines: number
  atMs: number
  leftOut: number
}

/** For all lines of a log, each kind apart. */
export class LineBudget {
  readonly #clock: Clock
  readonly #budgets = new Map<string, Budget>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns how many lines of that message were left out since the last one; undefined when this one is, too. */
  spend(message: string): number | undefined {
    const nowMs = this.#clock.monotonicMs()
    const budget = this.#budgets.get(message) ?? { lines: LINES_AT_ONCE, atMs: nowMs, leftOut: 0 }
    keep(this.#budgets, message, budget, MESSAGES_MAX)
    const earned = ((nowMs - budget.atMs) / 1000) * LINES_PER_SECOND
    budget.lines = Math.min(LINES_AT_ONCE, budget.lines + earned)
    budget.atMs = nowMs
    if (budget.lines < 1) {
      budget.leftOut++
      return undefined
    }
    budget.lines--
    const { leftOut } = budget
    budget.leftOut = 0
    return leftOut
  }
}

/** For one line that peers cause, so that the line of one peer does not hide that of another. */
export class PeerLines {
  readonly #clock: Clock
  readonly #writtenAtMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether the line is worth writing for that peer now. */
  isDue(peerId: string): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - (this.#writtenAtMs.get(peerId) ?? Number.NEGATIVE_INFINITY) < PEER_LINE_INTERVAL_MS)
      return false
    keep(this.#writtenAtMs, peerId, nowMs, PEERS_MAX)
    return true
  }
}

/** The one longest unused makes room. */
function keep<V>(map: Map<string, V>, key: string, value: V, max: number): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > max) map.delete(map.keys().next().value!)
}
