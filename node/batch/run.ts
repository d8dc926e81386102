/** One run of a batch: carries out what its core decides. */

import type { Clock, Random, Timer } from '../../interface/clock.ts'
import { CancelledError, InvalidInputError, NoProviderError, toLumosError } from '../../interface/errors.ts'
import { stepBatch } from './batch-core.ts'
import type { BatchEffect, BatchEvent, BatchState } from './batch-state.ts'
import { blameOf, failureOf, retryAfterMsOf } from './blame.ts'
import type { BatchItem } from './inputs.ts'
import { lineOf, type ResultFile } from './results.ts'
import { sizeOf } from './size.ts'

/** How soon a device that came is used, one that is late is noticed, and progress is seen. */
const TICK_MS = 250
/** What a crash may have asked for again. */
const SAVE_MS = 2000

export interface BatchRunComponents {
  readonly clock: Clock
  readonly random: Random
  readonly state: BatchState
  /** From the first that is not in the results on. */
  readonly items: AsyncIterator<BatchItem>
  readonly results: ResultFile
  /** Devices that offer the model now. */
  offers(): readonly string[]
  /** The input as the task takes it. @throws {LumosError} */
  check(input: unknown): unknown
  /** The output of this device. @throws {LumosError} */
  ask(peer: string, input: unknown, signal: AbortSignal): Promise<unknown>
  nameOf(peer: string): string
  distrust(peer: string): void
  /** An item was written with an error. */
  onFailed(): void
  /** Several times a second. */
  onProgress(): void
  /** So many items are on disk. */
  onSaved(done: number): void
}

export class BatchRun {
  readonly #components: BatchRunComponents
  readonly #over = Promise.withResolvers<void>()
  /** Inputs of items that are not decided, and items that are not written. */
  readonly #inputs = new Map<number, unknown>()
  readonly #items = new Map<number, BatchItem>()
  readonly #asking = new Map<number, AbortController>()
  #waiting: { readonly line: string; readonly bytes: number }[] = []
  #writing: Promise<void> | undefined
  #timer: Timer | undefined
  #savedAtMs = 0
  #held = false

  constructor(components: BatchRunComponents) {
    this.#components = components
    this.#savedAtMs = components.clock.monotonicMs()
  }

  /** Until all items have a result. What was written stays when this throws. */
  async whole(signal: AbortSignal): Promise<void> {
    const onAbort = () => this.fail(signal.reason)
    signal.addEventListener('abort', onAbort)
    try {
      signal.throwIfAborted()
      this.#tick()
      await this.#over.promise
      await this.#written()
      this.#components.onProgress()
    } finally {
      this.hold()
      signal.removeEventListener('abort', onAbort)
      this.#timer?.cancel()
      for (const asking of this.#asking.values()) asking.abort(new CancelledError())
      await this.#written().catch(() => {})
      await this.#components.items.return?.()
      await this.#components.results.close()
    }
  }

  /** Asks no further device, and believes no failure: the node stops. */
  hold(): void {
    this.#held = true
  }

  fail(reason: unknown): void {
    this.hold()
    this.#over.reject(reason)
  }

  #tick(): void {
    const { clock, offers, onProgress } = this.#components
    this.#step({ type: 'offers', peers: offers() })
    onProgress()
    this.#timer = clock.setTimer(() => this.#tick(), TICK_MS)
  }

  #step(event: BatchEvent): void {
    if (this.#held) return
    const { state, clock, random } = this.#components
    for (const effect of stepBatch(state, event, clock.monotonicMs(), random).effects) this.#carryOut(effect)
  }

  #carryOut(effect: BatchEffect): void {
    switch (effect.type) {
      case 'read':
        this.#read(effect.index).catch(thrown => this.fail(thrown))
        break
      case 'ask':
        void this.#ask(effect.attempt, this.#inputs.get(effect.index), effect.peer)
        break
      case 'abort':
        this.#asking.get(effect.attempt)?.abort(new CancelledError('Another device answered.'))
        break
      case 'decided':
        this.#inputs.delete(effect.index)
        break
      case 'write': {
        const { index, result, bytes } = effect
        const line = lineOf(index, this.#items.get(index)!, result, this.#components.nameOf)
        this.#items.delete(index)
        if ('failure' in result) this.#components.onFailed()
        this.#waiting.push({ line, bytes })
        this.#writing ??= this.#write().catch(thrown => this.fail(thrown))
        break
      }
      case 'distrust':
        this.#components.distrust(effect.peer)
        break
      case 'strand':
        this.fail(new NoProviderError('For ten minutes no device has offered the model.'))
        break
      case 'end':
        this.#over.resolve()
    }
  }

  async #read(index: number): Promise<void> {
    const { items, check } = this.#components
    const next = await items.next()
    if (next.done) throw new InvalidInputError('The inputs have become fewer since they were counted.')
    this.#items.set(index, next.value)
    try {
      const { input, bytes } = await next.value.read()
      this.#inputs.set(index, check(input))
      this.#step({ type: 'read', bytes })
    } catch (thrown) {
      this.#step({ type: 'read', bytes: 0, failure: failureOf(toLumosError(thrown)) })
    }
  }

  async #ask(attempt: number, input: unknown, peer: string): Promise<void> {
    const abort = new AbortController()
    this.#asking.set(attempt, abort)
    try {
      const output = await this.#components.ask(peer, input, abort.signal)
      this.#step({ type: 'answered', attempt, output, bytes: sizeOf(output) })
    } catch (thrown) {
      if (abort.signal.aborted) return
      const error = toLumosError(thrown)
      const retryAfterMs = retryAfterMsOf(error)
      this.#step({ type: 'failed', attempt, blame: blameOf(error), failure: failureOf(error), retryAfterMs })
    } finally {
      this.#asking.delete(attempt)
    }
  }

  async #write(): Promise<void> {
    const { results, clock } = this.#components
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.splice(0)
      await results.append(lines.map(({ line }) => line).join(''))
      if (clock.monotonicMs() - this.#savedAtMs >= SAVE_MS) await this.#save()
      this.#step({ type: 'written', bytes: lines.reduce((sum, { bytes }) => sum + bytes, 0) })
    }
    this.#writing = undefined
  }

  async #save(): Promise<void> {
    const { results, state, onSaved, clock } = this.#components
    await results.sync()
    onSaved(state.head - this.#waiting.length)
    this.#savedAtMs = clock.monotonicMs()
  }

  /** All that is decided in order is on disk. */
  async #written(): Promise<void> {
    await this.#writing
    await this.#components.results.sync()
  }
}
