/** Where the bytes of a fetch came from. */

import type { WeightSource } from '../../../interface/weights.ts'

/** What was there before; all else comes from a PeerId. */
export const DISK = 'disk'

export class Tally {
  readonly #bytes = new Map<string, number>()

  add(from: string, bytes: number): void {
    if (bytes > 0) this.#bytes.set(from, (this.#bytes.get(from) ?? 0) + bytes)
  }

  get total(): number {
    return [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0)
  }

  get sources(): WeightSource[] {
    return [...this.#bytes].map(([from, bytes]) => ({ from, bytes }))
  }
}
