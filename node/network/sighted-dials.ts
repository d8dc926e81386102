/** Bounds the dials that sightings cause: any device of the network can make up as many as it likes. */

/** Dials to sighted addresses: a LAN of 64 devices with four addresses each is met at once. */
export const SIGHTED_DIALS_BURST = 256
/** And so many a second after those. A flood of forged sightings makes this node dial no faster. */
export const SIGHTED_DIALS_PER_SECOND = 16

/** Of the dials at sighted addresses that may be made now, on the monotonic clock. */
export class SightedDials {
  #left = SIGHTED_DIALS_BURST
  #countedMs = 0

  take(dials: number, nowMs: number): boolean {
    const earned = ((nowMs - this.#countedMs) * SIGHTED_DIALS_PER_SECOND) / 1000
    this.#left = Math.min(SIGHTED_DIALS_BURST, this.#left + earned)
    this.#countedMs = nowMs
    if (this.#left < dials) return false
    this.#left -= dials
    return true
  }
}
