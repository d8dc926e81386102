/**
 * What discovery saw and did, for a person whose devices do not see each other: the links it asks on, the peers it
 * sighted, and how dialing them ended. A record only: no decision is made by it.
 */

import type { Clock } from '../../interface/clock.ts'
import type { DialOutcome, DiscoveryLink } from '../../interface/discovery.ts'

/** Of peers; more than a person reads. Any device of the network can fill it, and the oldest goes first. */
export const SIGHTINGS_MAX = 128
/** A copy announces itself every twenty seconds. One that was not seen for so long has another key by now, or is off. */
export const COPY_AGE_MS_MAX = 60_000

/** A link as it is reported, with times of the monotonic clock. */
export interface LinkState {
  readonly name: string
  readonly family: DiscoveryLink['family']
  readonly loopback: boolean
  state: DiscoveryLink['state']
  /** When this node last asked or announced itself; null when it is to ask at once. */
  askedMs: number | null
  /** When a packet last left. */
  sentMs: number | null
  /** When a packet of a peer last arrived. */
  heardMs: number | null
  error: string | null
}

interface Place {
  readonly address: string
  readonly link: string
}

export interface Sighting extends Place {
  readonly peerId: string
  seenMs: number
  dial: { readonly outcome: DialOutcome; readonly atMs: number } | null
}

export class LanReport {
  readonly #clock: Clock
  readonly #sightings = new Map<string, Sighting>()
  #copy: (Place & { readonly seenMs: number }) | null = null
  links: readonly LinkState[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  saw({ peerId, ...place }: Place & { readonly peerId: string }): void {
    const dial = this.#sightings.get(peerId)?.dial ?? null
    this.#sightings.delete(peerId)
    this.#sightings.set(peerId, { peerId, ...place, seenMs: this.#clock.monotonicMs(), dial })
    if (this.#sightings.size > SIGHTINGS_MAX) this.#sightings.delete(this.#sightings.keys().next().value!)
  }

  sawCopy(place: Place): void {
    this.#copy = { ...place, seenMs: this.#clock.monotonicMs() }
  }

  /** Another device that answers with this device's own key. */
  get copy(): (Place & { readonly seenMs: number }) | null {
    const isOld = this.#clock.monotonicMs() - (this.#copy?.seenMs ?? 0) >= COPY_AGE_MS_MAX
    return isOld ? null : this.#copy
  }

  /** Dials of peers that were not sighted are not kept. */
  dialed(peerId: string, outcome: DialOutcome): void {
    const sighting = this.#sightings.get(peerId)
    // A peer that did not answer the last time is still that while it is dialed again.
    if (outcome === 'dialing' && sighting?.dial?.outcome === 'timeout') return
    if (sighting !== undefined) sighting.dial = { outcome, atMs: this.#clock.monotonicMs() }
  }

  /** The latest first. */
  sightings(): Sighting[] {
    return [...this.#sightings.values()].reverse()
  }
}
