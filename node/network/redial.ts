/** When a lost peer is dialed again. */

import type { Random } from '../../interface/clock.ts'

export const BACKOFF_MS = 1000
const BACKOFF_MS_MAX = 300_000
/**
 * Of the members that are away, one is dialed this often, once all have failed for a while: a dial costs milliseconds,
 * and a device that has left stays listed. Each of the devices that return dials by itself too.
 */
const AWAY_DIALS_APART_MS = 10_000

/** @param failures dials of this peer that failed in a row. @param away members whose last dial failed. */
export function redialAfterMs(failures: number, away: number, random: Random): number {
  const maxMs = Math.max(BACKOFF_MS_MAX, away * AWAY_DIALS_APART_MS)
  const delayMs = Math.min(BACKOFF_MS * 2 ** Math.max(failures - 1, 0), maxMs)
  // Full jitter for the first try: all that lost a peer lost it at once.
  return failures === 0 ? delayMs * random() : delayMs * (0.5 + random() / 2)
}
