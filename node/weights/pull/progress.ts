/** How far a pull is, by where its bytes came from: for its job, and as an event for programs. */

import type { Clock } from '../../../interface/clock.ts'
import type { EventData, EventName } from '../../../interface/events.ts'
import type { JobProgress } from '../../../interface/jobs.ts'
import type { WeightSource } from '../../../interface/weights.ts'
import { Meter } from '../../jobs/meter.ts'

/** A person sees no more changes in a second. */
const EVENT_MS = 250

export interface PullProgressComponents {
  readonly clock: Clock
  readonly jobId: string
  readonly modelId: string
  emit<N extends EventName>(name: N, data: EventData<N>): void
  progress(progress: JobProgress): void
  /** What a person calls a source. */
  nameOf(from: string): string
}

export class PullProgress {
  readonly #components: PullProgressComponents
  readonly #meter: Meter
  #sources = new Map<string, number>()
  #total = 0
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(components: PullProgressComponents) {
    this.#components = components
    this.#meter = new Meter(components.clock)
  }

  get done(): number {
    return [...this.#sources.values()].reduce((sum, bytes) => sum + bytes, 0)
  }

  get sources(): WeightSource[] {
    return [...this.#sources]
      .filter(([, bytes]) => bytes > 0)
      .map(([from, bytes]) => ({ from, bytes }))
      .sort((a, b) => b.bytes - a.bytes)
  }

  expect(total: number): void {
    this.#total = total
  }

  add(from: string, bytes: number, message = ''): void {
    this.#sources.set(from, (this.#sources.get(from) ?? 0) + bytes)
    this.report(message)
  }

  /** All that has come so far, in place of what was said before. */
  replace(sources: readonly WeightSource[], message = ''): void {
    this.#sources = new Map(sources.map(({ from, bytes }) => [from, bytes]))
    this.report(message)
  }

  report(message: string): void {
    const { clock, jobId, modelId, emit, progress, nameOf } = this.#components
    const total = this.#total
    // What an origin has sent in vain is counted as its, and the whole is no more for it.
    const done = Math.min(this.done, total)
    const { sources } = this
    const measured = this.#meter.measure(done, total)
    const named = sources.map(({ from, bytes }) => ({ from: nameOf(from), amount: bytes }))
    progress({ done, total, unit: 'bytes', message, ...measured, sources: named })

    const nowMs = clock.monotonicMs()
    if (nowMs - this.#lastMs < EVENT_MS && done < total) return
    this.#lastMs = nowMs
    emit('model.pull_progress', {
      ...{ jobId, modelId, bytesDone: done, bytesTotal: total, sources },
      bytesPerSecond: measured.perSecond ?? 0,
      leftMs: measured.leftMs ?? null
    })
  }
}
