/**
 * Which space has room in the index. A space takes no more than what it leaves free: one that is flooded takes half, and
 * there is room for the others, in whatever order they come.
 */

import type { IndexedDoc } from './indexed-docs.ts'

/** A document is read again for texts that had no room where so much is free, as a part of all. */
const ROOMY = 1 / 16

export class Room {
  readonly #bytesMax: number
  #free: number
  /** Bytes by the id of the space, about. */
  #shares = new Map<string, number>()

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
    this.#free = bytesMax
  }

  /** @param used bytes of all. */
  look(used: number, docs: Iterable<IndexedDoc>): void {
    let all = 0
    const chars = new Map<string, number>()
    for (const doc of docs) {
      all += doc.chars
      chars.set(doc.space.id, (chars.get(doc.space.id) ?? 0) + doc.chars)
    }
    this.#free = this.#bytesMax - used
    this.#shares = new Map([...chars].map(([id, of]) => [id, (used * of) / (all || 1)]))
  }

  isFull({ id }: { readonly id: string }): boolean {
    return this.#leftTo(id) < 0
  }

  isRoomy({ id }: { readonly id: string }): boolean {
    return this.#leftTo(id) > this.#bytesMax * ROOMY
  }

  #leftTo(id: string): number {
    return this.#free - (this.#shares.get(id) ?? 0)
  }
}
