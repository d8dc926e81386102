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
}

/** @param most threads that may be used. */
export const tuned = (most: number, tuning: Tuning | undefined, open: TunedOptions['open']): Engine =>
  most === 1 || tuning === undefined
    ? open(most)
    : new TunedEngine({ most, tuning, open, clock: systemClock })

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
    const { most, tuning, open, clock } = this.#options
    const startMs = clock.monotonicMs()
    const engine = open(Math.min(tuning.known ?? most, most))
    await engine.load()
    this.#engine = engine
    if (tuning.known !== undefined || clock.monotonicMs() - startMs > LARGE_MS) this.#state = 'settled'
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
    let best: Engine | undefined
    try {
      while (search.next !== undefined && clock.monotonicMs() <= untilMs) {
        // The answer goes first.
        await turn(signal)
        const engine = open(search.next)
        await engine.load()
        const measured = measuredThreads(search, await this.#timeOf(engine, request))
        // More threads are worth it, or the search ends here.
        const worse = measured.best?.threads === search.next ? best : engine
        if (worse !== engine) best = engine
        await worse?.close()
        search = measured
      }
      signal.throwIfAborted()
      const isWhole = search.next === undefined
      tuning.keep(isWhole ? search.best!.threads : most)
      if (isWhole) best = this.#replace(best!)
    } finally {
      this.#state = 'settled'
      await best?.close()
    }
  }

  /** @returns the one that was there, where nothing is under way with it. */
  #replace(next: Engine): Engine | undefined {
    const before = this.#engine!
    this.#engine = next
    return (this.#running.get(before) ?? 0) === 0 ? before : undefined
  }

  /** Closes an engine that fails. */
  async #timeOf(engine: Engine, request: PreparedRequest): Promise<number> {
    const { clock } = this.#options
    const { signal } = this.#closed
    let leastMs = Number.POSITIVE_INFINITY
    try {
      for (let run = 0; run < RUNS; run++) {
        await turn(signal)
        const startMs = clock.monotonicMs()
        let chunks = 0
        for await (const _ of engine.infer(request, { signal })) if (++chunks === CHUNKS_MAX) break
        if (run > 0) leastMs = Math.min(leastMs, clock.monotonicMs() - startMs)
      }
    } catch (err) {
      await engine.close()
      throw err
    }
    return leastMs
  }
}
