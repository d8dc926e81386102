/**
 * Runs a model on the items of several requests at once. It waits for none: an item that finds the model idle is run
 * alone, and what comes meanwhile is the next batch. `batch-core.ts` says which items those are.
 */

import type { Clock } from '../../../interface/clock.ts'
import { EngineFailedError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { addItems, type BatchLimits, dropRequest, newBatches, nextBatch } from './batch-core.ts'
import { addRun, newRunCost, unitsThatPay } from './run-cost-core.ts'

/** After so many runs without a failure, twice as many items are tried: what failed may have been short of memory for a moment. */
const GOOD_RUNS = 64

export interface BatcherOptions<I, O> {
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Of each batch, however much would pay. */
  readonly limits: BatchLimits
  /** Default: all are alike. */
  readonly lengthOf?: (item: I) => number
  /** Runs the model once. Items come by length, the longest last. @returns what each of them gave, in their order. */
  run(batch: readonly I[]): Promise<readonly O[]>
}

interface Request<O> {
  readonly answers: O[]
  left: number
  readonly settled: PromiseWithResolvers<void>
}

interface Item<I, O> {
  readonly id: number
  readonly value: I
  readonly request: Request<O>
  /** Its place among those of its request. */
  readonly at: number
}

export class Batcher<I, O> {
  readonly #options: BatcherOptions<I, O>
  readonly #state = newBatches()
  readonly #cost = newRunCost()
  readonly #items = new Map<number, Item<I, O>>()
  #limits: BatchLimits
  #lastId = 0
  #lastRequest = 0
  #isRunning = false
  /** Runs of whole batches since the limit has changed. */
  #goodRuns = 0

  constructor(options: BatcherOptions<I, O>) {
    this.#options = options
    this.#limits = options.limits
  }

  /**
   * What the model gives for each of these.
   *
   * @throws what the model fails with for one of them alone: what is wrong with an item is no other request's matter.
   */
  async all(values: readonly I[], { signal }: AbortOptions): Promise<O[]> {
    signal?.throwIfAborted()
    if (values.length === 0) return []
    const number = ++this.#lastRequest
    const request: Request<O> = { answers: [], left: values.length, settled: Promise.withResolvers() }
    const firstId = this.#lastId + 1
    for (const [at, value] of values.entries()) {
      const id = ++this.#lastId
      this.#items.set(id, { id, value, request, at })
    }
    addItems(
      this.#state,
      { request: number, firstId, lengths: values.map(value => this.#lengthOf(value)) },
      this.#limits
    )
    const onAbort = (): void => request.settled.reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    if (!this.#isRunning) void this.#runAll()
    try {
      await request.settled.promise
      return request.answers
    } finally {
      signal?.removeEventListener('abort', onAbort)
      // It left, or failed: the rest of it is not run.
      if (request.left > 0) dropRequest(this.#state, number)
      for (let id = firstId; id < firstId + values.length; id++) this.#items.delete(id)
    }
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true
    for (;;) {
      // What came in the same turn of the event loop, or while a run blocked this thread, is read first: requests and cancels.
      await new Promise(resolve => setImmediate(resolve))
      const { items, padded } = this.#limits
      const limits = { items, padded: Math.min(padded, unitsThatPay(this.#cost)) }
      const batch = nextBatch(this.#state, limits).map(({ id }) => this.#items.get(id)!)
      if (batch.length === 0) break
      await this.#run(batch)
    }
    this.#isRunning = false
  }

  async #run(batch: readonly Item<I, O>[]): Promise<void> {
    if (await this.#answered(batch, batch.length === 1)) return this.#raiseLimit()
    let [tried, answered] = [0, 0]
    for (const item of batch) {
      if (!this.#isWanted(item)) continue
      tried++
      if (await this.#answered([item], true)) answered++
    }
    // It cannot do so many at once: its graph is made for fewer, or its memory is.
    if (answered > 0 && answered === tried) this.#limitTo(Math.floor(batch.length / 2))
  }

  #raiseLimit(): void {
    const { items } = this.#options.limits
    if (this.#limits.items < items && ++this.#goodRuns >= GOOD_RUNS)
      this.#limitTo(Math.min(items, 2 * this.#limits.items))
  }

  #limitTo(items: number): void {
    this.#limits = { ...this.#limits, items }
    this.#goodRuns = 0
  }

  /** @returns whether the model gave an answer for each. */
  async #answered(batch: readonly Item<I, O>[], isLast: boolean): Promise<boolean> {
    const { clock, run } = this.#options
    const values = batch.map(({ value }) => value)
    const startedMs = clock.monotonicMs()
    try {
      const answers = await run(values)
      if (answers.length !== batch.length) {
        throw new EngineFailedError(`The graph answered ${answers.length} times for ${batch.length}.`)
      }
      const units = batch.length * this.#lengthOf(values.at(-1)!)
      addRun(this.#cost, { units, items: batch.length, ms: clock.monotonicMs() - startedMs })
      for (const [n, { request, at }] of batch.entries()) {
        request.answers[at] = answers[n]!
        if (--request.left === 0) request.settled.resolve()
      }
      return true
    } catch (err) {
      if (isLast) for (const { request } of batch) request.settled.reject(err)
      return false
    }
  }

  #lengthOf(value: I): number {
    return this.#options.lengthOf?.(value) ?? 1
  }

  /** Whether its request has not ended yet. */
  #isWanted({ id }: Item<I, O>): boolean {
    return this.#items.has(id)
  }
}
