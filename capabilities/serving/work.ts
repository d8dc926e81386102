/**
 * Requests under way, each with the one signal that ends it: its caller's, or
 * its budget's end.
 *
 * All share one timer, armed for the earliest deadline. A timer and a combined
 * signal for each call would cost more than a small call itself.
 */

import type { Clock, Timer } from '../../interface/clock.ts'
import { CancelledError, LumosError, TimeoutError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'

/** One request under way. Its `signal` goes to everything that works on it. */
export class Work implements AbortOptions {
  readonly signal: AbortSignal
  readonly deadlineMs: number
  readonly #controller = new AbortController()
  readonly #caller: AbortSignal | undefined

  constructor(deadlineMs: number, caller: AbortSignal | undefined) {
    this.signal = this.#controller.signal
    this.deadlineMs = deadlineMs
    this.#caller = caller
    caller?.addEventListener('abort', this)
  }

  /** Ends the work for `reason`, which must be what its caller is told. */
  abort(reason: LumosError): void {
    this.#controller.abort(reason)
  }

  /** The caller's signal fired. */
  handleEvent(): void {
    const reason: unknown = this.#caller?.reason
    this.abort(reason instanceof LumosError ? reason : new CancelledError(undefined, { cause: reason }))
  }

  release(): void {
    this.#caller?.removeEventListener('abort', this)
  }
}

export class WorkTable {
  readonly #clock: Clock
  readonly #works = new Set<Work>()
  #timer: Timer | undefined
  #timerMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws what `caller` was aborted with, when it already is. */
  begin(budgetMs: number, caller?: AbortSignal): Work {
    const work = new Work(this.#clock.monotonicMs() + budgetMs, caller)
    if (caller?.aborted) {
      work.release()
      work.handleEvent()
      work.signal.throwIfAborted()
    }
    this.#works.add(work)
    if (work.deadlineMs < this.#timerMs) this.#arm(work.deadlineMs)
    return work
  }

  end(work: Work): void {
    this.#works.delete(work)
    work.release()
  }

  /** Ends everything under way. */
  abortAll(reason: LumosError): void {
    for (const work of this.#works) work.abort(reason)
    this.#timer?.cancel()
    this.#timerMs = Number.POSITIVE_INFINITY
  }

  /** The timer is left armed when its request ends early: cheaper than re-arming for each call. */
  #arm(deadlineMs: number): void {
    this.#timer?.cancel()
    this.#timerMs = deadlineMs
    this.#timer = this.#clock.setTimer(this.#expire, deadlineMs - this.#clock.monotonicMs())
  }

  #expire = (): void => {
    const nowMs = this.#clock.monotonicMs()
    let nextMs = Number.POSITIVE_INFINITY

    for (const work of this.#works) {
      if (work.signal.aborted) continue
      if (work.deadlineMs <= nowMs) work.abort(new TimeoutError('The time for this request ran out.'))
      else nextMs = Math.min(nextMs, work.deadlineMs)
    }

    this.#timerMs = Number.POSITIVE_INFINITY
    if (nextMs < Number.POSITIVE_INFINITY) this.#arm(nextMs)
  }
}
