/** Tries again what may pass: an origin that is away, cut or busy. */

import type { Clock, Random } from '../../../interface/clock.ts'
import { toLumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { pause } from '../../network/deadline.ts'

/** In a row, without anything new: two minutes of an origin that is away. */
const ATTEMPTS_MAX = 8
const FIRST_PAUSE_MS = 500
const PAUSE_MAX_MS = 30_000
/** An origin that is busy for longer gets its pull again by the person. */
const RETRY_AFTER_MAX_MS = 5 * 60_000

export interface RetryOptions extends AbortOptions {
  readonly clock: Clock
  readonly random: Random
}

/**
 * Calls `attempt` until it ends, or fails for good. A failure after progress counts as the first.
 *
 * @param attempt calls `progress` for what it need not do again.
 */
export async function retrying<T>(
  attempt: (progress: () => void) => Promise<T>,
  { clock, random, signal }: RetryOptions
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt(() => {
        failures = 0
      })
    } catch (thrown) {
      const err = toLumosError(thrown)
      const asked = err.code === 'OVERLOADED' ? Number(err.details.retryAfterMs) : 0
      const passes = err.code === 'ORIGIN_FAILED' || err.code === 'OVERLOADED'
      if (!passes || failures >= ATTEMPTS_MAX || asked > RETRY_AFTER_MAX_MS) throw err
      const pauseMs = Math.min(PAUSE_MAX_MS, FIRST_PAUSE_MS * 2 ** failures) * (0.5 + random() / 2)
      await pause(clock, Math.max(asked, pauseMs), signal)
    }
  }
}
