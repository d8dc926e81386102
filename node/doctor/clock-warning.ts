/** A clock that was never set: cheap devices start in 1970, and certificates of the others have not begun then. */

import { CLOCK_MIN_MS } from '../../interface/clock.ts'

/** One line, or none. */
export const clockWarning = (wallMs: number): string[] =>
  wallMs >= CLOCK_MIN_MS
    ? []
    : [
        `The clock says ${new Date(wallMs).toISOString()}, which cannot be: no member is recognised by it. Set it, or turn on NTP.`
      ]
