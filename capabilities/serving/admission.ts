/** Slots of an engine, as promises: the shell of `admission-core.ts`, which has the policy. */

import type { QueuePlace } from '../../interface/chunks.ts'
import type { Clock } from '../../interface/clock.ts'
import { OverloadedError } from '../../interface/errors.ts'
import { type AdmissionEvent, newAdmission, queuePlace, stepAdmission } from './admission-core.ts'

/** A request that waits for a slot. */
export interface Turn {
  /** Resolves when it has one. */
  readonly admitted: Promise<void>
  /** Nothing once it does not wait any more. */
  place(): QueuePlace | undefined
}

export interface EnterOptions {
  /** Which peer asks; absent: this node itself. */
  readonly peer?: string | undefined
  /** Time left for the whole answer. */
  readonly budgetMs?: number | undefined
}

export class Admission {
  readonly #clock: Clock
  readonly #state: ReturnType<typeof newAdmission>
  /** How those who wait hear that they are admitted, or with an error that they are not. */
  readonly #waiting = new Map<number, (refused?: OverloadedError) => void>()
  #lastId = 0

  constructor(slots: number, clock: Clock) {
    this.#clock = clock
    this.#state = newAdmission(slots)
  }

  get slots(): number {
    return this.#state.slots
  }

  get running(): number {
    return this.#state.running
  }

  get queued(): number {
    return this.#state.turns.queue.size
  }

  /**
   * Takes a slot: `undefined` when there was one, else a turn that gets one.
   * Each slot that was got must be left exactly once; after an error there is none to leave.
   *
   * @param signal leaves the queue; the promise rejects with its reason.
   * @throws {OverloadedError} at once, when waiting would take too long; the promise rejects with it when
   * others, who wait for less, need the place.
   */
  enter(signal: AbortSignal, { peer, budgetMs }: EnterOptions = {}): Turn | undefined {
    signal.throwIfAborted()
    const id = ++this.#lastId
    let isAdmitted = false
    for (const effect of this.#step({ type: 'enter', id, peer, budgetMs })) {
      if (effect.type === 'admit') {
        if (effect.id === id) isAdmitted = true
        else this.#waiting.get(effect.id)?.()
        continue
      }
      const refused = new OverloadedError(
        `All ${this.slots} slots are taken and ${this.queued} requests wait.`,
        effect.waitMs
      )
      if (effect.id === id) throw refused
      this.#waiting.get(effect.id)?.(refused)
    }
    if (isAdmitted) return undefined
    return { admitted: this.#wait(id, signal), place: () => queuePlace(this.#state, id) }
  }

  /** When the work on a request begins: pass it to `leave`. */
  startedMs(): number {
    return this.#clock.monotonicMs()
  }

  /**
   * Frees a slot for whose turn it is.
   *
   * @param startedMs absent when the request was not worked on.
   * @param peer which peer had it; absent: this node itself.
   */
  leave(startedMs?: number, peer?: string): void {
    for (const { id } of this.#step({ type: 'leave', startedMs, peer })) this.#waiting.get(id)?.()
  }

  #step(event: AdmissionEvent) {
    return stepAdmission(this.#state, event, this.#clock.monotonicMs()).effects
  }

  #wait(id: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(id)
        this.#step({ type: 'give-up', id })
        reject(signal.reason)
      }
      this.#waiting.set(id, refused => {
        this.#waiting.delete(id)
        signal.removeEventListener('abort', onAbort)
        if (refused === undefined) resolve()
        else reject(refused)
      })
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }
}
