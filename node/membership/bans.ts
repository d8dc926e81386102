/**
 * Shuts out peers that break the rules, for ever longer: a mistake costs ten
 * minutes, a habit costs days.
 */

import type { Clock } from '../../interface/clock.ts'

/** One broken signature may be a bug of an old version; two are none. */
const STRIKES_TO_BAN = 2
const BAN_MS = 10 * 60_000
const BAN_MS_MAX = 7 * 24 * 3600 * 1000
/** Keys are free, so a flood of them must not fill the memory; the oldest entry goes first. */
const ENTRIES_MAX = 1024

interface Entry {
  strikes: number
  bans: number
  bannedUntilMs: number
}

export class Bans {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  isBanned(peerId: string): boolean {
    return (this.#entries.get(peerId)?.bannedUntilMs ?? 0) > this.#clock.monotonicMs()
  }

  /** @returns whether the peer is shut out now. */
  strike(peerId: string): boolean {
    const entry = this.#entries.get(peerId) ?? { strikes: 0, bans: 0, bannedUntilMs: 0 }
    this.#entries.delete(peerId)
    this.#entries.set(peerId, entry)
    if (this.#entries.size > ENTRIES_MAX) this.#entries.delete(this.#entries.keys().next().value!)

    entry.strikes++
    if (entry.strikes < STRIKES_TO_BAN) return false
    entry.strikes = 0
    entry.bannedUntilMs = this.#clock.monotonicMs() + Math.min(BAN_MS * 2 ** entry.bans, BAN_MS_MAX)
    entry.bans++
    return true
  }
}
