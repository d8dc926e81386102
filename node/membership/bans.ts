/**
 * Shuts out peers that break the rules, for ever longer: a mistake costs ten
 * minutes, a habit costs days.
 */

import type { Clock } from '../../interface/clock.ts'

const BAN_MS = 10 * 60_000
const BAN_MS_MAX = 7 * 24 * 3600 * 1000
/** Keys are free, so a flood of them must not fill the memory; the oldest entry goes first. */
const ENTRIES_MAX = 1024

/** How many broken rules are too many. */
export interface BanRule {
  readonly strikes: number
  /** Older ones are forgiven. */
  readonly withinMs: number
}

/** One broken signature may be a bug of an old version; two are none, however far apart. */
export const FORGERY: BanRule = { strikes: 2, withinMs: Number.POSITIVE_INFINITY }
/** A device that is no member and connects again and again costs a handshake each time. */
export const LOITERING: BanRule = { strikes: 5, withinMs: 60_000 }
/** What a peer says above its share of gossip is dropped; a peer that goes on is no honest one. */
export const FLOODING: BanRule = { strikes: 20, withinMs: 10_000 }

interface Entry {
  /** Since when they are counted. */
  sinceMs: number
  strikes: number
  bans: number
  bannedUntilMs: number
}

export class Bans {
  readonly #rule: BanRule
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(rule: BanRule, clock: Clock) {
    this.#rule = rule
    this.#clock = clock
  }

  isBanned(peerId: string): boolean {
    return (this.#entries.get(peerId)?.bannedUntilMs ?? 0) > this.#clock.monotonicMs()
  }

  /** @returns whether the peer is shut out now. */
  strike(peerId: string): boolean {
    const nowMs = this.#clock.monotonicMs()
    const entry = this.#entries.get(peerId) ?? { sinceMs: nowMs, strikes: 0, bans: 0, bannedUntilMs: 0 }
    this.#entries.delete(peerId)
    this.#entries.set(peerId, entry)
    if (this.#entries.size > ENTRIES_MAX) this.#entries.delete(this.#entries.keys().next().value!)

    if (nowMs - entry.sinceMs > this.#rule.withinMs) Object.assign(entry, { sinceMs: nowMs, strikes: 0 })
    entry.strikes++
    if (entry.strikes < this.#rule.strikes) return false
    entry.strikes = 0
    entry.bannedUntilMs = nowMs + Math.min(BAN_MS * 2 ** entry.bans, BAN_MS_MAX)
    entry.bans++
    return true
  }
}
