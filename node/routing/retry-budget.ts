/**
 * Bounds retries to a share of requests: a tenth of those of the last ten
 * seconds, and ten where that is less. A mesh in trouble is not asked three
 * times as much, and a busy node survives the death of a peer.
 *
 * As Finagle's, with a smaller share because inference is dear:
 * https://twitter.github.io/finagle/guide/Clients.html#retries
 */

/** Of requests. */
const RETRY_SHARE = 0.1
/** Retries that a quiet node may make within the window: five requests that fail over twice. */
const RETRIES_MIN = 10
/** Longer than a peer takes to be ejected, and short enough that trouble is soon forgotten. */
const RETRY_WINDOW_MS = 10_000

const SLOT_MS = 1000
/** One more than the window has, so that it lies within them wherever the newest begins. */
const SLOTS = RETRY_WINDOW_MS / SLOT_MS + 1

export interface RetryBudget {
  /** By second, in a ring. */
  readonly requests: number[]
  readonly retries: number[]
  /** The newest slot, as a number since the clock's start. */
  slot: number
}

export const newRetryBudget = (nowMs: number): RetryBudget => ({
  requests: new Array<number>(SLOTS).fill(0),
  retries: new Array<number>(SLOTS).fill(0),
  slot: Math.floor(nowMs / SLOT_MS)
})

/** Changes `budget` in place. */
export function noteRequest(budget: RetryBudget, nowMs: number): void {
  advance(budget, nowMs)
  budget.requests[budget.slot % SLOTS]!++
}

/** Whether one more retry may be made; it counts as made. Changes `budget` in place. */
export function takeRetry(budget: RetryBudget, nowMs: number): boolean {
  advance(budget, nowMs)
  if (sum(budget.retries) + 1 > Math.max(RETRIES_MIN, RETRY_SHARE * sum(budget.requests))) return false
  budget.retries[budget.slot % SLOTS]!++
  return true
}

/** Empty the slots that time has passed over. */
function advance(budget: RetryBudget, nowMs: number): void {
  const slot = Math.floor(nowMs / SLOT_MS)
  const passed = Math.min(slot - budget.slot, SLOTS)
  for (let i = 1; i <= passed; i++) {
    budget.requests[(budget.slot + i) % SLOTS] = 0
    budget.retries[(budget.slot + i) % SLOTS] = 0
  }
  budget.slot = slot
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)
