/** How fast one model answers, task by task: what its device says of it. `speed-core.ts` has the rules. */

import type { Clock } from '../../interface/clock.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import { Speed } from '../../interface/manifest.ts'
import type { TaskName } from '../../interface/tasks/index.ts'
import type { Measured } from './measurements.ts'
import { newSpeed, noteSample, type SpeedState } from './speed-core.ts'

/** Fewer tokens say little of speed. */
const TOKENS_MIN = 8
/** Where a slow reader held an answer up for more of its time, it says how fast the reader is. */
const HELD_SHARE_MAX = 0.1

export class Speeds {
  readonly #measured: Measured
  readonly #clock: Clock
  readonly #byTask = new Map<TaskName, SpeedState>()

  constructor(measured: Measured, clock: Clock) {
    this.#measured = measured
    this.#clock = clock
  }

  /** Undefined before a few answers. */
  stated(task: TaskName): Speed | undefined {
    return this.#of(task).stated
  }

  /** The work on an answer begins. */
  begin(startedMs: number): Pace {
    return new Pace(this.#clock, startedMs)
  }

  /**
   * An answer has ended as it should.
   *
   * @returns whether what is said of the model has changed.
   */
  note({ task, resume }: PreparedRequest, pace: Pace, usage: { readonly outputTokens?: number }): boolean {
    // One that goes on makes again what came before.
    if (resume !== undefined || pace.firstChunkMs === undefined) return false
    const { firstChunkMs } = pace
    const tokensPerSecond = pace.tokensPerSecond(usage.outputTokens)
    const sample = { firstChunkMs, tokensPerSecond }
    const said = noteSample(this.#of(task), sample, this.#clock.monotonicMs())
    if (said !== undefined) this.#measured.keep(whatOf(task), said)
    return said !== undefined
  }

  #of(task: TaskName): SpeedState {
    const known = this.#byTask.get(task)
    if (known !== undefined) return known
    const kept = Speed.safeParse(this.#measured.of(whatOf(task)))
    const state = newSpeed(kept.data)
    this.#byTask.set(task, state)
    return state
  }
}

/** One answer, as it comes. For each chunk the clock is read twice, which takes 0.2 µs. */
class Pace {
  readonly #clock: Clock
  readonly #startedMs: number
  #firstMs: number | undefined
  #gaveMs = 0
  #heldMs = 0

  constructor(clock: Clock, startedMs: number) {
    this.#clock = clock
    this.#startedMs = startedMs
  }

  get firstChunkMs(): number | undefined {
    return this.#firstMs === undefined ? undefined : this.#firstMs - this.#startedMs
  }

  /** A chunk is about to be given to the reader. */
  gives({ type }: InferenceChunk): void {
    this.#gaveMs = this.#clock.monotonicMs()
    if (type !== 'progress') this.#firstMs ??= this.#gaveMs
  }

  /** The reader wants the next one. */
  goesOn(): void {
    this.#heldMs += this.#clock.monotonicMs() - this.#gaveMs
  }

  /** Undefined for an answer that says nothing of it. */
  tokensPerSecond(outputTokens = 0): number | undefined {
    const tookMs = this.#clock.monotonicMs() - this.#firstMs!
    if (outputTokens < TOKENS_MIN || tookMs <= 0 || this.#heldMs > tookMs * HELD_SHARE_MAX) return undefined
    return ((outputTokens - 1) * 1000) / tookMs
  }
}

const whatOf = (task: TaskName): string => `speed ${task}`
