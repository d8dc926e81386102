/** The peers that a fetch may ask, and when it asks each of them again. */

import type { Clock } from '../../../interface/clock.ts'

/** A peer that has nothing, or failed, is asked again after this. */
const AGAIN_MS = 5000
/** Enough to use up any link, and a stream each. */
const ASKED_MAX = 16

export class Candidates {
  readonly #clock: Clock
  readonly #all: () => string[]
  readonly #asked = new Set<string>()
  readonly #notBeforeMs = new Map<string, number>()
  /** Those that were not reached last time. */
  readonly #away = new Set<string>()

  /** @param all the likeliest first. */
  constructor(clock: Clock, all: () => string[]) {
    this.#clock = clock
    this.#all = all
  }

  get away(): readonly string[] {
    return [...this.#away]
  }

  /** Peers to ask now. Each counts as asked until it is `left`. */
  due(): string[] {
    const nowMs = this.#clock.monotonicMs()
    const isDue = (id: string) => !this.#asked.has(id) && (this.#notBeforeMs.get(id) ?? 0) <= nowMs
    const due = this.#all()
      .filter(isDue)
      .slice(0, Math.max(0, ASKED_MAX - this.#asked.size))
    for (const id of due) this.#asked.add(id)
    return due
  }

  reached(peerId: string): void {
    this.#away.delete(peerId)
  }

  left(peerId: string, isAway: boolean): void {
    this.#asked.delete(peerId)
    this.#notBeforeMs.set(peerId, this.#clock.monotonicMs() + AGAIN_MS)
    if (isAway) this.#away.add(peerId)
  }

  /** This peer has come, or stated something new: it may be asked at once. */
  met(peerId: string): void {
    this.#notBeforeMs.delete(peerId)
  }
}
