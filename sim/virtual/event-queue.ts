/**
 * What is to happen, in order: by time, and by chance where two things happen
 * at one time, so that no order is taken for granted.
 *
 * A calendar: almost everything happens within a second or two, so each few
 * milliseconds of these have a bucket of their own, sorted once it is reached.
 * What lies further ahead waits in a heap. At a million entries a second of real time, a
 * heap alone would take most of that second.
 */

import type { Random } from '../../interface/clock.ts'

interface Entry<Argument> {
  readonly atMs: number
  readonly tie: number
  readonly task: (argument: Argument) => void
  readonly argument: Argument
}

/** Wide enough that few are empty in a small mesh, narrow enough that few are long in a large one. */
const BUCKET_MS = 4
const BUCKETS = 512

export class EventQueue {
  readonly #random: Random
  readonly #buckets: Entry<never>[][] = Array.from({ length: BUCKETS }, () => [])
  readonly #far: Entry<never>[] = []
  /** The bucket whose entries are in `#current`, sorted. */
  #bucket = 0
  #current: Entry<never>[] = []
  #cursor = 0
  #near = 0

  constructor(random: Random) {
    this.#random = random
  }

  get size(): number {
    return this.#current.length - this.#cursor + this.#near + this.#far.length
  }

  push<Argument>(atMs: number, task: (argument: Argument) => void, argument: Argument): void {
    const entry = { atMs, tie: this.#random(), task, argument } as unknown as Entry<never>
    const bucket = bucketOf(atMs)
    if (bucket <= this.#bucket) this.#insert(entry)
    else if (bucket < this.#bucket + BUCKETS) this.#toBucket(entry)
    else pushHeap(this.#far, entry)
  }

  /** The next entry, unless it is later than `untilMs`. */
  pop(untilMs: number): Entry<never> | undefined {
    while (this.#cursor === this.#current.length) {
      if (this.#near + this.#far.length === 0 || this.#bucket * BUCKET_MS > untilMs) return undefined
      this.#advance()
    }
    const entry = this.#current[this.#cursor]!
    if (entry.atMs > untilMs) return undefined
    this.#cursor++
    return entry
  }

  #toBucket(entry: Entry<never>): void {
    this.#buckets[bucketOf(entry.atMs) % BUCKETS]!.push(entry)
    this.#near++
  }

  /** Into the bucket that has begun. */
  #insert(entry: Entry<never>): void {
    const current = this.#current
    let at = current.length
    while (at > this.#cursor && isBefore(entry, current[at - 1]!)) at--
    current.splice(at, 0, entry)
  }

  #advance(): void {
    this.#current.length = 0
    this.#cursor = 0
    this.#bucket = this.#near > 0 ? this.#bucket + 1 : bucketOf(this.#far[0]!.atMs)
    while (this.#far.length > 0 && bucketOf(this.#far[0]!.atMs) < this.#bucket + BUCKETS) {
      this.#toBucket(popHeap(this.#far))
    }
    const slot = this.#bucket % BUCKETS
    const due = this.#buckets[slot]!
    this.#buckets[slot] = this.#current
    this.#current = due
    this.#near -= due.length
    if (due.length > 1) due.sort((a, b) => a.atMs - b.atMs || a.tie - b.tie)
  }
}

const bucketOf = (atMs: number): number => Math.floor(atMs / BUCKET_MS)

const isBefore = (a: Entry<never>, b: Entry<never>): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.tie < b.tie)

function pushHeap(heap: Entry<never>[], entry: Entry<never>): void {
  let at = heap.push(entry) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(entry, heap[parent]!)) break
    heap[at] = heap[parent]!
    at = parent
  }
  heap[at] = entry
}

function popHeap(heap: Entry<never>[]): Entry<never> {
  const first = heap[0]!
  const last = heap.pop()!
  if (heap.length === 0) return first
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
    if (!isBefore(heap[child]!, last)) break
    heap[at] = heap[child]!
    at = child
  }
  heap[at] = last
  return first
}
