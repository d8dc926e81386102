/** The order of entries, and which of them came since it was last asked: a hash of a long journal goes on from there. */

import type { MemoryValue } from '../../../interface/memory.ts'
import type { Slot, SlotBody } from './slot.ts'

export interface Entry extends SlotBody {
  /** Undefined: removed. */
  readonly value: MemoryValue | undefined
  readonly at: number
  /** Clock at which its writer last began to speak after others. */
  readonly run: number
}

interface Placed {
  readonly slot: Slot<Entry>
  readonly run: number
}

/** What waits for the next hash is kept; beyond this it is cheaper to begin anew. */
const FRESH_MAX = 10_000

const byPlace = (a: Placed, b: Placed): number =>
  a.run - b.run || a.slot.client - b.slot.client || a.slot.struct - b.slot.struct

/**
 * A run that its writer did not begin, and that its entry before does not have, is a claim: the entry's own clock counts.
 *
 * @param runs of the entry before, by client; those of these entries are put in.
 */
function placed(slots: readonly Slot<Entry>[], runs: Map<number, number>): Placed[] {
  const inTurn = slots.toSorted((a, b) => a.client - b.client || a.struct - b.struct)
  const all = inTurn.map(slot => {
    const run = runs.get(slot.client) === slot.body.run ? slot.body.run : slot.body.clock
    runs.set(slot.client, run)
    return { slot, run }
  })
  return all.sort(byPlace)
}

export const inOrder = (slots: readonly Slot<Entry>[]): Slot<Entry>[] =>
  placed(slots, new Map()).map(({ slot }) => slot)

export class EntryOrder {
  #runs = new Map<number, number>()
  #last: Placed | undefined
  /** Undefined: something changed before the end. */
  #fresh: Slot<Entry>[] | undefined

  /** All that show, in order; what comes later is told from here on. */
  begin(slots: readonly Slot<Entry>[]): Slot<Entry>[] {
    this.#runs = new Map()
    const all = placed(slots, this.#runs)
    this.#last = all.at(-1)
    this.#fresh = []
    return all.map(({ slot }) => slot)
  }

  added(slot: Slot<Entry>, isOnly: boolean): void {
    if (!isOnly || slot.body.value === undefined || this.#fresh?.length === FRESH_MAX) this.#fresh = undefined
    this.#fresh?.push(slot)
  }

  changed(): void {
    this.#fresh = undefined
  }

  /** Those that came since, where all of them are behind all others; undefined: begin anew. */
  later(): Slot<Entry>[] | undefined {
    if (this.#fresh === undefined) return undefined
    const all = placed(this.#fresh, this.#runs)
    const [first] = all
    if (first !== undefined && this.#last !== undefined && byPlace(first, this.#last) < 0) return undefined
    this.#last = all.at(-1) ?? this.#last
    this.#fresh = []
    return all.map(({ slot }) => slot)
  }
}
