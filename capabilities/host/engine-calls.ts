/** The requests that one engine's process works on, those included that were given up and have not ended there. */

import type { Clock, Timer } from '../../interface/clock.ts'
import { EngineFailedError } from '../../interface/errors.ts'
import type { EngineCall } from './engine-call.ts'

/** A native run cannot be interrupted; this long it may go on after a cancel. */
const CANCEL_GRACE_MS = 2000

export class EngineCalls {
  readonly #clock: Clock
  readonly #onStuck: () => void
  readonly #calls = new Map<number, EngineCall>()
  /** Calls given up but not ended by the engine yet, each with the timer that ends its patience. */
  readonly #cancelled = new Map<number, Timer>()
  #lastId = 0
  #settling: PromiseWithResolvers<void> | undefined

  /** @param onStuck is called when a cancelled call does not end in its time. */
  constructor(clock: Clock, onStuck: () => void) {
    this.#clock = clock
    this.#onStuck = onStuck
  }

  get size(): number {
    return this.#calls.size
  }

  /** Whether a reader waits for the engine. */
  get waiting(): boolean {
    for (const call of this.#calls.values()) if (call.waiting) return true
    return false
  }

  nextId(): number {
    return ++this.#lastId
  }

  add(id: number, call: EngineCall): void {
    this.#calls.set(id, call)
  }

  /** @throws {EngineFailedError} when there is none of that id. */
  of(id: number): EngineCall {
    const call = this.#calls.get(id)
    if (call === undefined) throw new EngineFailedError('spoke of a request that it does not have')
    return call
  }

  /** @returns whether the engine must be told. */
  cancel(id: number): boolean {
    if (!this.#calls.has(id) || this.#cancelled.has(id)) return false
    this.#cancelled.set(id, this.#clock.setTimer(this.#onStuck, CANCEL_GRACE_MS))
    return true
  }

  /** The engine has ended this call, one way or another. */
  end(id: number): void {
    this.#calls.delete(id)
    this.#cancelled.get(id)?.cancel()
    if (this.#cancelled.delete(id) && this.#cancelled.size === 0) {
      this.#settling?.resolve()
      this.#settling = undefined
    }
  }

  failAll(reason: unknown): void {
    for (const [id, call] of this.#calls) {
      call.fail(reason)
      this.end(id)
    }
  }

  settled(): Promise<void> | undefined {
    if (this.#cancelled.size === 0) return undefined
    this.#settling ??= Promise.withResolvers()
    return this.#settling.promise
  }
}
