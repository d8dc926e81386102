/**
 * What is to happen, in order: by time, and by chance where two things happen
 * at one time, so that no order is taken for granted. A binary heap.
 */

import type { Random } from '../../interface/clock.ts'

interface Entry<Argument> {
  readonly atMs: number
  readonly tie: number
  readonly task: (argument: Argument) => void
  readonly argument: Argument
}

export class EventQueue {
  readonly #random: Random
  readonly #heap: Entry<never>[] = []

  constructor(random: Random) {
    this.#random = random
  }

  push<Argument>(atMs: number, task: (argument: Argument) => void, argument: Argument): void {
    const entry = { atMs, tie: this.#random(), task, argument } as unknown as Entry<never>
    const heap = this.#heap
    let at = heap.push(entry) - 1
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(entry, heap[parent]!); parent = (at - 1) >> 1) {
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = entry
  }

  /** The next entry, unless it is later than `untilMs`. */
  pop(untilMs: number): Entry<never> | undefined {
    const heap = this.#heap
    const first = heap[0]
    if (first === undefined || first.atMs > untilMs) return undefined
    const last = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}

const isBefore = (a: Entry<never>, b: Entry<never>): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.tie < b.tie)
