/**
 * Devices that ask to be let in without a code. A device may ask only while an admin has listened for requests within
 * the last ten minutes, and nothing is granted before a person has compared the phrase.
 */

import { randomBytes } from 'node:crypto'
import type { Clock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import type { Role } from '../../interface/membership.ts'
import type { JoinRequest } from '../../interface/mesh.ts'
import { visibleName } from '../../interface/names.ts'
import { type Ask, NONCE_BYTES } from '../../protocols/join/index.ts'
import { checkPhrase, type Pair } from './pairing-secret.ts'

const LISTEN_MS = 10 * 60_000
/** More devices than a person compares phrases for at a time. */
const PENDING_MAX = 8
/** Devices that were turned away and may not ask again so soon; a person has denied each. */
const DENIED_MAX = 64

interface Entry {
  readonly pair: Pair
  readonly name: string
  readonly commitment: string
  /** Of this side. */
  readonly nonce: Uint8Array
  readonly expiresAtMs: number
  readonly endsAtMs: number
  /** Known once the device has revealed its nonce; only then is it a request. */
  phrase?: string
  decision?: Role
}

export class JoinRequests {
  readonly #clock: Clock
  readonly #onRequested: (request: JoinRequest) => void
  readonly #entries = new Map<string, Entry>()
  /** The oldest first. Each still gets its challenge, after which it is told that it was denied. */
  readonly #denied = new Map<string, Entry>()
  #listensUntilMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, onRequested: (request: JoinRequest) => void) {
    this.#clock = clock
    this.#onRequested = onRequested
  }

  /** Devices may ask from now on. @returns until when, in milliseconds since the epoch. */
  listen(): number {
    this.#listensUntilMs = this.#clock.monotonicMs() + LISTEN_MS
    return Math.round(this.#clock.wallMs()) + LISTEN_MS
  }

  get open(): boolean {
    return this.#clock.monotonicMs() < this.#listensUntilMs
  }

  /**
   * @returns this side's nonce: the same while the same device asks the same.
   * @throws {LumosError} `DENIED` or `OVERLOADED`.
   */
  challenge(pair: Pair, { name, commitment }: Ask): Uint8Array {
    if (!this.open) {
      throw new LumosError('DENIED', 'This device takes no requests to join now.', {
        hint: 'On an admin: lumos-node approve'
      })
    }
    this.#dropOver()
    const text = Buffer.from(commitment).toString('hex')
    const known = this.#entries.get(pair.joiner) ?? this.#denied.get(pair.joiner)
    if (known?.commitment === text) return known.nonce
    // A device that has shown a phrase cannot try for another one.
    if (known?.phrase !== undefined) throw denied()
    this.#makeRoom()

    const nonce = randomBytes(NONCE_BYTES)
    const expiresAtMs = Math.round(this.#clock.wallMs()) + LISTEN_MS
    const endsAtMs = this.#clock.monotonicMs() + LISTEN_MS
    this.#entries.set(pair.joiner, { pair, name, commitment: text, nonce, expiresAtMs, endsAtMs })
    return nonce
  }

  /**
   * The device has revealed the nonce it had committed to.
   *
   * @returns what a person has decided, once; nothing before.
   * @throws {LumosError} `DENIED` when they said no.
   */
  decide(joiner: string, nonce: Uint8Array): { role: Role; name: string; phrase: string } | undefined {
    const entry = this.#entries.get(joiner)
    if (this.#denied.has(joiner)) throw denied()
    // Not a refusal: the device asks again.
    if (entry === undefined) throw new LumosError('OVERLOADED', 'This request made room for others.')
    if (entry.phrase === undefined) {
      entry.phrase = phraseOf(nonce, entry.nonce, entry.pair)
      this.#onRequested(requestOf(entry, entry.phrase))
    }
    if (entry.decision === undefined) return undefined
    this.#entries.delete(joiner)
    return { role: entry.decision, name: entry.name, phrase: entry.phrase }
  }

  list(): JoinRequest[] {
    this.#dropOver()
    return [...this.#entries.values()].flatMap(entry =>
      entry.phrase === undefined || entry.decision !== undefined ? [] : [requestOf(entry, entry.phrase)]
    )
  }

  /** @throws {LumosError} `PEER_NOT_FOUND` when `peer` does not ask. */
  settle(peer: string, decision: Role | 'denied'): JoinRequest {
    const name = visibleName(peer)
    const found = this.list().filter(request => request.peerId === peer || request.name === name)
    if (found.length !== 1) {
      throw new LumosError(
        found.length === 0 ? 'PEER_NOT_FOUND' : 'INVALID_INPUT',
        found.length === 0 ? `No device "${peer}" asks to join.` : `Several devices "${peer}" ask to join.`,
        { hint: 'Use the PeerId that lumos-node approve shows.' }
      )
    }
    const { peerId } = found[0]!
    const entry = this.#entries.get(peerId)!
    if (decision === 'denied') this.#deny(peerId, entry)
    else entry.decision = decision
    return found[0]!
  }

  /** What was denied takes no place among the requests. */
  #deny(peerId: string, entry: Entry): void {
    this.#entries.delete(peerId)
    this.#denied.set(peerId, entry)
    if (this.#denied.size > DENIED_MAX) this.#denied.delete(this.#denied.keys().next().value!)
  }

  #dropOver(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const entries of [this.#entries, this.#denied]) {
      for (const [joiner, { endsAtMs }] of entries) if (nowMs > endsAtMs) entries.delete(joiner)
    }
  }

  /** Those that were only begun make room for others. */
  #makeRoom(): void {
    const undecided = [...this.#entries.values()].filter(({ decision }) => decision === undefined)
    if (undecided.length < PENDING_MAX) return
    const begun = [...this.#entries].find(([, { phrase }]) => phrase === undefined)
    if (begun === undefined) {
      throw new LumosError('OVERLOADED', `${PENDING_MAX} devices ask to join already.`, {
        hint: 'Approve or deny those first: lumos-node approve'
      })
    }
    this.#entries.delete(begun[0])
  }
}

/** Both nonces are in it, and each was chosen before the other was known. */
export const phraseOf = (joinerNonce: Uint8Array, inviterNonce: Uint8Array, pair: Pair): string =>
  checkPhrase(Buffer.concat([joinerNonce, inviterNonce]), pair)

const requestOf = ({ pair, name, expiresAtMs }: Entry, phrase: string): JoinRequest => ({
  peerId: pair.joiner,
  name,
  phrase,
  expiresAtMs
})

const denied = (): LumosError => new LumosError('DENIED', 'The other side has said no.')
