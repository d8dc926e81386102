/**
 * How fast a model answers, as its device says it: the middle of its last answers. What is said changes only when it has
 * moved by a quarter, and once a minute at most, so that a manifest is not made anew with each answer.
 *
 * Bookkeeping over times that are passed in.
 */

import {
  FIRST_CHUNK_MS_MAX,
  type Speed,
  TOKENS_PER_SECOND_MAX,
  TOKENS_PER_SECOND_MIN
} from '../../interface/manifest.ts'

/** Fewer answers say little: the first one warms caches. */
const SAMPLES_MIN = 5
/** Older answers say nothing of now. */
const SAMPLES_MAX = 20
const MOVED_TIMES = 1.25
/** Less is a pause of the system: models that answer in a millisecond would move all the time. */
const MOVED_MS_MIN = 2
const SAID_AGAIN_MS = 60_000

export interface Sample {
  /** From the begin of the work to the first chunk. */
  readonly firstChunkMs: number
  /** Of what came after it; absent where that says nothing. */
  readonly tokensPerSecond?: number | undefined
}

export interface SpeedState {
  readonly firstChunksMs: number[]
  readonly tokensPerSecond: number[]
  stated: Speed | undefined
  statedAtMs: number
}

/** @param stated what was said before a restart. */
export const newSpeed = (stated?: Speed): SpeedState => ({
  ...{ firstChunksMs: [], tokensPerSecond: [] },
  ...{ stated, statedAtMs: Number.NEGATIVE_INFINITY }
})

/** Changes `state` in place. @returns what is said from now on, where that changes. */
export function noteSample(state: SpeedState, sample: Sample, nowMs: number): Speed | undefined {
  keep(state.firstChunksMs, sample.firstChunkMs)
  if (sample.tokensPerSecond !== undefined) keep(state.tokensPerSecond, sample.tokensPerSecond)
  if (state.firstChunksMs.length < SAMPLES_MIN || nowMs - state.statedAtMs < SAID_AGAIN_MS) return undefined
  // Peers refuse the whole of a manifest that says more; an engine counts its tokens as it likes.
  const firstChunkMs = within(1, Math.round(middleOf(state.firstChunksMs)), FIRST_CHUNK_MS_MAX)
  const rate =
    state.tokensPerSecond.length < SAMPLES_MIN
      ? undefined
      : within(TOKENS_PER_SECOND_MIN, middleOf(state.tokensPerSecond), TOKENS_PER_SECOND_MAX)
  // Two digits are more than a measurement is worth.
  const tokensPerSecond = rate === undefined ? state.stated?.tokensPerSecond : Number(rate.toPrecision(2))
  const next: Speed = { firstChunkMs, ...(tokensPerSecond !== undefined && { tokensPerSecond }) }
  if (state.stated !== undefined && !hasMoved(state.stated, next)) return undefined
  state.stated = next
  state.statedAtMs = nowMs
  return next
}

const within = (least: number, value: number, most: number): number => Math.min(Math.max(value, least), most)

function keep(samples: number[], sample: number): void {
  if (samples.push(sample) > SAMPLES_MAX) samples.shift()
}

const middleOf = (samples: readonly number[]): number =>
  samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)]!

function hasMoved(before: Speed, after: Speed): boolean {
  const byMs = Math.abs(after.firstChunkMs - before.firstChunkMs)
  if (byMs >= MOVED_MS_MIN && differ(before.firstChunkMs, after.firstChunkMs)) return true
  if (after.tokensPerSecond === undefined) return false
  return before.tokensPerSecond === undefined || differ(before.tokensPerSecond, after.tokensPerSecond)
}

const differ = (one: number, other: number): boolean =>
  Math.max(one, other) >= Math.min(one, other) * MOVED_TIMES
