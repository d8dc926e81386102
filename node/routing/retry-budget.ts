/**
 * Bounds retries in time, however many requests there are: ten at once, then
 * ten a minute. A mesh in trouble is not asked three times as much.
 *
 * A token bucket as Finagle's, but filled by time and not by requests, and with
 * less in it because inference is dear:
 * https://twitter.github.io/finagle/guide/Clients.html#retries
 */

/** Retries that a quiet node may spend at once: five requests that fail over twice. */
export const RETRY_TOKENS_MAX = 10
/** One retry is earned each time this passes: ten a minute. */
export const RETRY_TOKEN_PERIOD_MS = 6000

export interface RetryBudget {
  tokens: number
  /** When `tokens` was right. */
  countedAtMs: number
}

export const newRetryBudget = (nowMs: number): RetryBudget => ({
  tokens: RETRY_TOKENS_MAX,
  countedAtMs: nowMs
})

/** Whether one more retry may be made; it counts as made. Changes `budget` in place. */
export function takeRetry(budget: RetryBudget, nowMs: number): boolean {
  const earned = (nowMs - budget.countedAtMs) / RETRY_TOKEN_PERIOD_MS
  budget.tokens = Math.min(budget.tokens + earned, RETRY_TOKENS_MAX)
  budget.countedAtMs = nowMs
  if (budget.tokens < 1) return false
  budget.tokens--
  return true
}
