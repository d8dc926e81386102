/**
 * Time as a part that is passed in, so that a simulation can own it.
 *
 * Wall time is for people and certificates; durations and expiry use monotonic
 * time, which no clock correction moves.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  wallMs(): number
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number
  /** Call `task` once after `delayMs`. A pending timer does not keep the process alive. */
  setTimer(task: () => void, delayMs: number): Timer
}

export interface Timer {
  cancel(): void
}

/** No build is older: a clock before this day is wrong. */
export const CLOCK_MIN_MS = Date.UTC(2026, 0, 1)

/** Uniform in [0, 1). Passed in, so that a seed can repeat a run. */
export type Random = () => number

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(task, delayMs) {
    const timer = setTimeout(task, delayMs)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  }
}
