/**
 * Notices that one identity is used in two places: a copied key makes a home of
 * its own, so its manifests bear another epoch, and of two epochs that both go on
 * only one can be the device's.
 */

import { type IssuerOf, largestGroup, PEERS_MAX } from './provider-core.ts'

/** A copy that goes on is reported once in a while, not with each of its manifests. */
const TOLD_INTERVAL_MS = 60_000
/** A copy announces within 200 s in the largest mesh. After three silent announcements it may have ended. */
const SHOWN_MS = 10 * 60_000

interface Life {
  readonly epoch: number
  sequence: number
}

interface Known {
  /** The two newest, the newer first. */
  lives: Life[]
  toldAtMs: number
  /** When two homes were last seen to use the key. */
  seenAtMs: number
}

export class Duplicates {
  readonly #peers = new Map<string, Known>()
  readonly #issuerOf: IssuerOf

  constructor(issuerOf: IssuerOf) {
    this.#issuerOf = issuerOf
  }

  /**
   * The peer signed a manifest with these numbers.
   *
   * @returns `another`: a second life of the peer is seen for the first time; its home may have been made
   *   anew. `duplicate`: the older life went on after the newer had begun, so two homes share one key.
   */
  see(peerId: string, epoch: number, sequence: number, nowMs: number): 'another' | 'duplicate' | undefined {
    const known = this.#peers.get(peerId) ?? unseen()
    const life = known.lives.find(life => life.epoch === epoch)
    if (life === undefined) {
      this.#remember(peerId, known, { epoch, sequence })
      return known.lives.length > 1 ? 'another' : undefined
    }
    const wentOn = sequence > life.sequence
    life.sequence = Math.max(life.sequence, sequence)
    if (!wentOn || known.lives[0]!.epoch === epoch) return undefined
    return mark(known, nowMs) ? 'duplicate' : undefined
  }

  /**
   * There is other proof of two homes: two manifests bear one number.
   *
   * @returns whether to tell it now.
   */
  prove(peerId: string, nowMs: number): boolean {
    const known = this.#peers.get(peerId) ?? unseen()
    this.#keep(peerId, known)
    return mark(known, nowMs)
  }

  newestEpoch(peerId: string): number {
    return this.#peers.get(peerId)?.lives[0]?.epoch ?? 0
  }

  /** Whether two homes were lately seen to use the key of this peer. */
  has(peerId: string, nowMs: number): boolean {
    return nowMs - (this.#peers.get(peerId)?.seenAtMs ?? Number.NEGATIVE_INFINITY) < SHOWN_MS
  }

  #remember(peerId: string, known: Known, life: Life): void {
    known.lives = [...known.lives, life].sort((a, b) => b.epoch - a.epoch).slice(0, 2)
    this.#keep(peerId, known)
  }

  #keep(peerId: string, known: Known): void {
    this.#peers.delete(peerId)
    this.#peers.set(peerId, known)
    if (this.#peers.size > PEERS_MAX) {
      // Made-up members of one admin push out each other.
      this.#peers.delete(largestGroup(this.#peers.keys(), this.#issuerOf)[0]!)
    }
  }
}

const unseen = (): Known => ({
  lives: [],
  toldAtMs: Number.NEGATIVE_INFINITY,
  seenAtMs: Number.NEGATIVE_INFINITY
})

function mark(known: Known, nowMs: number): boolean {
  known.seenAtMs = nowMs
  if (nowMs - known.toldAtMs < TOLD_INTERVAL_MS) return false
  known.toldAtMs = nowMs
  return true
}
