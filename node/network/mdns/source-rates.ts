/** How many packets are read, of one source and of all. Reading one costs as much as many cost to send. */

/** A peer with twenty links to one network asks and answers on each, in both families. */
export const PACKETS_PER_SOURCE_MAX = 100
/** A network of 128 nodes answers so many in the second in which one more comes. It is a tenth of a small core. */
export const PACKETS_MAX = 500

export class SourceRates {
  readonly #counts = new Map<string, number>()
  #all = 0
  #second = Number.NEGATIVE_INFINITY

  take(source: string, nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#all = 0
      this.#counts.clear()
    }
    const count = (this.#counts.get(source) ?? 0) + 1
    if (count > PACKETS_PER_SOURCE_MAX || this.#all >= PACKETS_MAX) return false
    this.#counts.set(source, count)
    this.#all++
    return true
  }
}
