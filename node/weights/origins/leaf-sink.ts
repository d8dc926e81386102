/** The bytes of a body into the leaves of a partial file that are missing. */

import { toLumosError } from '../../../interface/errors.ts'
import { LEAF_BYTES } from '../../../interface/weights.ts'
import type { PartialFile } from '../../../storage/weights/types.ts'

/** What a download needs of the file that comes. */
export type LeafTarget = Pick<PartialFile, 'bytes' | 'leaves' | 'has' | 'write' | 'read' | 'discard'>

/** Leaves that are missing, side by side. */
export interface Run {
  readonly first: number
  /** Not among them. */
  readonly end: number
}

export interface LeafSinkOptions {
  /** The SHA-256 of a leaf, where the mesh knows it: a leaf that came wrong is then asked for again alone. */
  digestOf?(leaf: number): Uint8Array | undefined
  /** Called for each leaf that was written. */
  onBytes?(bytes: number): void
}

export function nextRun(partial: LeafTarget): Run | undefined {
  let first = 0
  while (first < partial.leaves && partial.has(first)) first++
  let end = first
  while (end < partial.leaves && !partial.has(end)) end++
  return first === end ? undefined : { first, end }
}

/** Cuts a body into leaves. */
export class LeafSink {
  readonly wrong: number[] = []
  readonly #partial: LeafTarget
  readonly #options: LeafSinkOptions
  readonly #end: number
  #leaf: number
  #buffer: Uint8Array
  #filled = 0

  constructor(partial: LeafTarget, { first, end }: Run, options: LeafSinkOptions) {
    this.#partial = partial
    this.#options = options
    this.#leaf = first
    this.#end = end
    this.#buffer = this.#empty()
  }

  get isDone(): boolean {
    // A peer has brought the next leaf: the runs are counted anew.
    return this.#leaf >= this.#end || (this.#filled === 0 && this.#partial.has(this.#leaf))
  }

  /** `done`: nothing more is wanted of this body, however long it is. */
  async take(part: Uint8Array): Promise<'done' | 'leaf' | 'on'> {
    let went: 'leaf' | 'on' = 'on'
    for (let at = 0; at < part.byteLength && !this.isDone; ) {
      const taken = part.subarray(at, at + this.#buffer.byteLength - this.#filled)
      this.#buffer.set(taken, this.#filled)
      this.#filled += taken.byteLength
      at += taken.byteLength
      if (this.#filled < this.#buffer.byteLength) break
      await this.#write()
      went = 'leaf'
    }
    return this.isDone ? 'done' : went
  }

  async #write(): Promise<void> {
    const leaf = this.#leaf++
    const bytes = this.#buffer
    this.#filled = 0
    this.#buffer = this.#empty()
    const { digestOf, onBytes } = this.#options
    if (this.#partial.has(leaf)) return
    const digest = digestOf?.(leaf)
    try {
      await this.#partial.write(leaf, bytes, digest)
    } catch (err) {
      if (digest === undefined || toLumosError(err).code !== 'WEIGHTS_INVALID') throw err
      this.wrong.push(leaf)
      return
    }
    onBytes?.(bytes.byteLength)
  }

  #empty(): Uint8Array {
    if (this.#leaf >= this.#end) return new Uint8Array()
    return new Uint8Array(Math.min(LEAF_BYTES, this.#partial.bytes - this.#leaf * LEAF_BYTES))
  }
}
