/**
 * Bounds retries to a share of requests, so that a mesh in trouble is not asked
 * three times as much.
 *
 * A token bucket as Finagle's, with less in it because inference is dear:
 * https://twitter.github.io/finagle/guide/Clients.html#retries
 */

import type { Clock } from '../interface/clock.ts'

/** Retries that a quiet node may spend at once: five requests that fail over twice. */
const TOKENS_MAX = 10
/** A retry earned each time this passes. Ten a minute lets a single user fail over all the time. */
const TOKEN_PERIOD_MS = 6000

export class RetryBudget {
  readonly #clock: Clock
  #tokens = TOKENS_MAX
  #countedAtMs: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether one more retry may be made; it counts as made. */
  take(): boolean {
    const nowMs = this.#clock.monotonicMs()
    const earned = (nowMs - (this.#countedAtMs ?? nowMs)) / TOKEN_PERIOD_MS
    this.#tokens = Math.min(this.#tokens + earned, TOKENS_MAX)
    this.#countedAtMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
