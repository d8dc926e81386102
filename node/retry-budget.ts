/**
 * Bounds retries to a share of requests, so that a mesh in trouble is not asked
 * three times as much.
 *
 * A token bucket as Finagle's, with less in it because inference is dear:
 * https://twitter.github.io/finagle/guide/Clients.html#retries
 */

/** Retries that a quiet node may spend at once: five requests that fail over twice. */
export const RETRY_TOKENS_MAX = 10
/** A retry earned each time this passes. Ten a minute lets a single user fail over all the time. */
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
