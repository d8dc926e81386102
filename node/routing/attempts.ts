/** The attempts of one request that are under way, and what comes of them, one after the other. */

import type { Clock, Timer } from '../../interface/clock.ts'
import type { InferenceChunk } from '../../interface/inference.ts'

export interface Arrival {
  readonly attempt: number
  /** Absent when the attempt gives no more chunks, or failed. */
  readonly chunk?: InferenceChunk
  readonly failure?: unknown
  /** How long the chunk was waited for. */
  readonly waitedMs?: number
}

interface UnderWay {
  readonly iterator: AsyncIterator<InferenceChunk>
  readonly abort: AbortController
  timer: Timer | undefined
  /** A chunk was asked for and has not come. */
  isWaiting: boolean
  /** When it was asked for. */
  pulledMs: number
}

/** Asks one peer. */
export type Ask = (signal: AbortSignal) => AsyncIterable<InferenceChunk>

export class Attempts {
  readonly #clock: Clock
  readonly #underWay = new Map<number, UnderWay>()
  readonly #arrived: Arrival[] = []
  #taker: ((arrival: Arrival) => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(attempt: number, ask: Ask): void {
    const abort = new AbortController()
    try {
      const iterator = ask(abort.signal)[Symbol.asyncIterator]()
      this.#underWay.set(attempt, { iterator, abort, timer: undefined, isWaiting: false, pulledMs: 0 })
      this.pull(attempt)
    } catch (failure) {
      this.#put({ attempt, failure })
    }
  }

  /** `wake` is called after this time, unless `settle`, another wake or the end of the attempt comes before. */
  wakeAfter(attempt: number, delayMs: number, wake: () => void): void {
    const one = this.#underWay.get(attempt)
    one?.timer?.cancel()
    if (one !== undefined) one.timer = this.#clock.setTimer(wake, delayMs)
  }

  /** The first chunk has come. */
  settle(attempt: number): void {
    this.#underWay.get(attempt)?.timer?.cancel()
  }

  /** How long the next chunk has been waited for; undefined while it is not wanted. */
  waitedMs(attempt: number): number | undefined {
    const one = this.#underWay.get(attempt)
    return one?.isWaiting === true ? this.#clock.monotonicMs() - one.pulledMs : undefined
  }

  /** The earliest of what came. */
  next(): Promise<Arrival> {
    const arrival = this.#arrived.shift()
    if (arrival !== undefined) return Promise.resolve(arrival)
    return new Promise(resolve => {
      this.#taker = resolve
    })
  }

  /** The next chunk of the attempt is wanted; one that is over gives none. */
  pull(attempt: number): void {
    const one = this.#underWay.get(attempt)
    if (one === undefined) return
    one.isWaiting = true
    one.pulledMs = this.#clock.monotonicMs()
    one.iterator.next().then(
      ({ done, value }) => this.#came(one, done === true ? { attempt } : this.#arrival(one, attempt, value)),
      (failure: unknown) => this.#came(one, { attempt, failure })
    )
  }

  /** Cancels the attempt; nothing comes of it any more. */
  abandon(attempt: number, why: Error): void {
    const one = this.#remove(attempt)
    one?.abort.abort(why)
    void one?.iterator.return?.().catch(() => {})
  }

  /** The caller gives up: each attempt ends with what its peer makes of that. */
  abort(why: unknown): void {
    for (const { abort } of this.#underWay.values()) abort.abort(why)
  }

  /** Ends all that is under way. What holds a chunk is left as a loop is, and waited for. */
  async close(why: Error): Promise<void> {
    for (const [attempt, { isWaiting, iterator }] of this.#underWay) {
      if (isWaiting) this.abandon(attempt, why)
      else {
        this.#remove(attempt)
        await iterator.return?.()
      }
    }
  }

  #arrival({ pulledMs }: UnderWay, attempt: number, chunk: InferenceChunk): Arrival {
    return { attempt, chunk, waitedMs: this.#clock.monotonicMs() - pulledMs }
  }

  #came(one: UnderWay, arrival: Arrival): void {
    const { attempt, chunk } = arrival
    if (this.#underWay.get(attempt) !== one) return
    one.isWaiting = false
    if (chunk === undefined) this.#remove(attempt)
    this.#put(arrival)
  }

  #remove(attempt: number): UnderWay | undefined {
    const one = this.#underWay.get(attempt)
    one?.timer?.cancel()
    this.#underWay.delete(attempt)
    return one
  }

  #put(arrival: Arrival): void {
    const taker = this.#taker
    this.#taker = undefined
    if (taker === undefined) this.#arrived.push(arrival)
    else taker(arrival)
  }
}
