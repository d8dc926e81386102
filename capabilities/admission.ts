/**
 * Who may use an engine now, who waits and who is refused.
 *
 * Refusing at once is kinder than a long queue: the dialer's router still has
 * time to ask another peer. So only as much waits as is done soon, by the time
 * that requests really take.
 */

import type { Clock } from '../interface/clock.ts'
import { OverloadedError } from '../interface/errors.ts'

/** Work that may wait: what the engine does in this time. */
const QUEUE_MS_MAX = 2000
/** This many per slot may always wait, however slow the engine is, so that a short burst is not refused. */
const QUEUED_PER_SLOT = 2
/** However fast the engine is: each waiting request holds its input in memory. */
const QUEUED_MAX = 1024
/** Assumed until the first request was measured: a small model on a small device. */
const SERVICE_MS_INITIAL = 20
/** Weight of the newest measurement in the average: the last ten or so count. */
const SERVICE_WEIGHT = 0.2

interface Waiter {
  admit(): void
}

export class Admission {
  readonly slots: number
  readonly #clock: Clock
  /** In order of arrival: a `Set` iterates so, and any member leaves it cheaply. */
  readonly #queue = new Set<Waiter>()
  #running = 0
  #serviceMs = SERVICE_MS_INITIAL

  constructor(slots: number, clock: Clock) {
    this.slots = slots
    this.#clock = clock
  }

  get running(): number {
    return this.#running
  }

  get queued(): number {
    return this.#queue.size
  }

  /**
   * Takes a slot: `undefined` when there was one, else a promise of one.
   * Whoever got a slot must `leave` exactly once; whoever got an error must not.
   *
   * @param signal leaves the queue; the promise rejects with its reason.
   * @throws {OverloadedError} at once, when waiting would take too long.
   */
  enter(signal: AbortSignal): Promise<void> | undefined {
    signal.throwIfAborted()
    if (this.#running < this.slots) {
      this.#running++
      return undefined
    }

    const waitMs = ((this.#queue.size + 1) * this.#serviceMs) / this.slots
    const short = this.#queue.size < QUEUED_PER_SLOT * this.slots
    if (this.#queue.size >= QUEUED_MAX || (waitMs > QUEUE_MS_MAX && !short)) {
      throw new OverloadedError(
        `All ${this.slots} slots are taken and ${this.#queue.size} requests wait.`,
        Math.ceil(waitMs)
      )
    }
    return this.#wait(signal)
  }

  /** When the work on a request begins: pass it to `leave`. */
  startedMs(): number {
    return this.#clock.monotonicMs()
  }

  /** Frees a slot for the longest waiting. @param startedMs absent when the request was not worked on. */
  leave(startedMs?: number): void {
    if (startedMs !== undefined) {
      const serviceMs = this.#clock.monotonicMs() - startedMs
      this.#serviceMs += (serviceMs - this.#serviceMs) * SERVICE_WEIGHT
    }

    const next = this.#queue.values().next().value
    if (next === undefined) {
      this.#running--
      return
    }
    // The slot passes from one to the next, so nobody can take it in between.
    this.#queue.delete(next)
    next.admit()
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#queue.delete(waiter)
        reject(signal.reason)
      }
      const waiter: Waiter = {
        admit: () => {
          signal.removeEventListener('abort', onAbort)
          resolve()
        }
      }
      this.#queue.add(waiter)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}
