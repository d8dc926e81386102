/** Times that other devices state, for people. */

/** The last that a `Date` has: `toISOString` throws beyond it. */
const TIME_MS_MAX = 8.64e15

export const isTime = (ms: unknown): ms is number => typeof ms === 'number' && Math.abs(ms) <= TIME_MS_MAX

/** What is no time is shown as the number that it is. */
export const isoTime = (ms: number): string => (isTime(ms) ? new Date(ms).toISOString() : String(ms))
