/** Slots of an engine, as promises: the shell of `admission-core.ts`, which has the policy. */

import type { Clock } from '../../interface/clock.ts'
import { OverloadedError } from '../../interface/errors.ts'
import { type AdmissionEvent, newAdmission, stepAdmission } from './admission-core.ts'

export class Admission {
  readonly #clock: Clock
  readonly #state: ReturnType<typeof newAdmission>
  /** How to tell those who wait that they are admitted, or with an error that they are not. */
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
    return this.#state.queue.size
  }

  /**
   * Takes a slot: `undefined` when there was one, else a promise of one.
   * Whoever got a slot must `leave` exactly once; whoever got an error must not.
   *
   * @param signal leaves the queue; the promise rejects with its reason.
   * @param peer who asks; absent: this node itself.
   * @throws {OverloadedError} at once, when waiting would take too long; the promise rejects with it when
   * others, who wait for less, need the place.
   */
  enter(signal: AbortSignal, peer?: string): Promise<void> | undefined {
    signal.throwIfAborted()
    const id = ++this.#lastId
    const [effect] = this.#step({ type: 'enter', id, peer })
    if (effect?.type === 'admit') return undefined
    if (effect !== undefined) {
      const refused = new OverloadedError(
        `All ${this.slots} slots are taken and ${this.queued} requests wait.`,
        effect.waitMs
      )
      if (effect.id === id) throw refused
      this.#waiting.get(effect.id)?.(refused)
    }
    return this.#wait(id, signal)
  }

  /** When the work on a request begins: pass it to `leave`. */
  startedMs(): number {
    return this.#clock.monotonicMs()
  }

  /** Frees a slot for whoever's turn it is. @param startedMs absent when the request was not worked on. */
  leave(startedMs?: number): void {
    for (const { id } of this.#step({ type: 'leave', startedMs })) this.#waiting.get(id)?.()
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
