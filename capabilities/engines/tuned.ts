/**
 * An engine whose graphs are opened for a number of threads, opened with as many as are faster. That is measured once on a
 * device, with the first request: the request is answered with all threads, and then asked again of the model opened
 * with fewer. Meanwhile other requests are answered as before.
 */

import { type Clock, systemClock } from '../../interface/clock.ts'
import { EngineFailedError } from '../../interface/errors.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { Engine } from '../host/engine.ts'
import type { Tuning } from '../host/engine-messages.ts'
import { measuredThreads, newThreadsSearch } from './threads-core.ts'
import { turn } from './turn.ts'

/** A model that takes longer to open, or to answer, is a large one, for which all threads are best. */
const LARGE_MS = 1000
/** While it is measured, a second copy is in memory that no budget knows of. */
const COPY_BYTES_MAX = 128 * 1024 * 1024
/** What is not measured by then stays as it is. */
const MEASURED_MS_MAX = 2000
/** The first one of each count warms caches. */
const RUNS = 3
/** More of a long answer says no more. */
const CHUNKS_MAX = 16

export interface TunedOptions {
  readonly most: number
  readonly tuning: Tuning
  open(threads: number): Engine
  readonly clock: Clock
  /** Of this process. */
  memoryBytes(): number
}

/** @param most threads that may be used. */
export const tuned = (most: number, tuning: Tuning | undefined, open: TunedOptions['open']): Engine =>
  most === 1 || tuning === undefined
    ? open(most)
    : new TunedEngine({ most, tuning, open, clock: systemClock, memoryBytes: process.memoryUsage.rss })

export class TunedEngine implements Engine {
  readonly memoryBytes = 0
  readonly #options: TunedOptions
  #engine: Engine | undefined
  /** Answers under way, while that matters. */
  readonly #running = new Map<Engine, number>()
  #state: 'unmeasured' | 'measuring' | 'settled' = 'unmeasured'
  #measuring: Promise<void> | undefined
  readonly #closed = new AbortController()

  constructor(options: TunedOptions) {
    this.#options = options
  }

  get loaded(): boolean {
    return this.#engine !== undefined
  }

  async load(): Promise<void> {
    const { most, tuning, open, clock, memoryBytes } = this.#options
    const [startMs, before] = [clock.monotonicMs(), memoryBytes()]
    const engine = open(Math.min(tuning.known ?? most, most))
    await engine.load()
    this.#engine = engine
    const isLarge = clock.monotonicMs() - startMs > LARGE_MS || memoryBytes() - before > COPY_BYTES_MAX
    if (tuning.known !== undefined || isLarge) this.#state = 'settled'
  }

  async close(): Promise<void> {
    this.#closed.abort()
    await this.#measuring
    const engine = this.#engine
    this.#engine = undefined
    await engine?.close()
  }

  infer(request: PreparedRequest, options?: AbortOptions): AsyncIterable<InferenceChunk> {
    const engine = this.#engine
    if (engine === undefined) throw new EngineFailedError('The model is not loaded.')
    return this.#state === 'settled'
      ? engine.infer(request, options)
      : this.#counted(engine, request, options)
  }

  async *#counted(
    engine: Engine,
    request: PreparedRequest,
    options?: AbortOptions
  ): AsyncGenerator<InferenceChunk> {
    const { clock } = this.#options
    const startMs = clock.monotonicMs()
    this.#running.set(engine, (this.#running.get(engine) ?? 0) + 1)
    try {
      for await (const chunk of engine.infer(request, options)) {
        if (chunk.type === 'done' && this.#state === 'unmeasured' && request.resume === undefined)
          this.#begin(request, clock.monotonicMs() - startMs)
        yield chunk
      }
    } finally {
      const left = this.#running.get(engine)! - 1
      this.#running.set(engine, left)
      if (left === 0 && engine !== this.#engine && this.#state === 'settled') void engine.close()
    }
  }

  /** @param tookMs what the answer took with all threads. */
  #begin(request: PreparedRequest, tookMs: number): void {
    if (tookMs > LARGE_MS) {
      this.#state = 'settled'
      this.#options.tuning.keep(this.#options.most)
      return
    }
    this.#state = 'measuring'
    this.#measuring = this.#measure(request).catch(() => {
      // It serves as it was opened, and is measured again in the next process.
      this.#state = 'settled'
    })
  }

  async #measure(request: PreparedRequest): Promise<void> {
    const { most, tuning, open, clock } = this.#options
    const { signal } = this.#closed
    const untilMs = clock.monotonicMs() + MEASURED_MS_MAX
    let search = newThreadsSearch(most)
    try {
      while (search.next !== undefined && clock.monotonicMs() <= untilMs) {
        // The answer goes first.
        await turn(signal)
        search = measuredThreads(search, await this.#timeOf(open(search.next), request))
      }
      signal.throwIfAborted()
      const threads = search.next === undefined ? search.best!.threads : most
      tuning.keep(threads)
      if (threads !== most) await this.#replace(open(threads))
    } finally {
      this.#state = 'settled'
    }
  }

  /** What is under way with the one that was there ends with it. */
  async #replace(next: Engine): Promise<void> {
    await next.load()
    const before = this.#engine!
    this.#engine = next
    this.#state = 'settled'
    if ((this.#running.get(before) ?? 0) === 0) await before.close()
  }

  /** Opens the engine, and closes it again: no two of them are there beside the one that serves. */
  async #timeOf(engine: Engine, request: PreparedRequest): Promise<number> {
    const { clock } = this.#options
    const { signal } = this.#closed
    let leastMs = Number.POSITIVE_INFINITY
    try {
      await engine.load()
      for (let run = 0; run < RUNS; run++) {
        await turn(signal)
        const startMs = clock.monotonicMs()
        let chunks = 0
        for await (const _ of engine.infer(request, { signal })) if (++chunks === CHUNKS_MAX) break
        if (run > 0) leastMs = Math.min(leastMs, clock.monotonicMs() - startMs)
      }
    } finally {
      await engine.close()
    }
    return leastMs
  }
}
