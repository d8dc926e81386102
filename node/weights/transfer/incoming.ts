/** A repository that is being fetched: which leaves of its files are there, asked for, or still to be asked for. */

import type { Random } from '../../../interface/clock.ts'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import type { Repository, RepositoryFile } from '../../../interface/weights.ts'
import { DIGEST_BYTES } from '../../../protocols/blocks/index.ts'
import { leafCidText } from '../../../storage/weights/cid.ts'
import type { PartialFile } from '../../../storage/weights/types.ts'

/** At the end of a fetch a leaf that is late is asked for once more, elsewhere. */
const ASKERS_MAX = 2
/** In place of a number of askers. */
const THERE = 255

/** All leaves, in an order that no other device has. One that was only rotated would soon meet another, and go on beside it. */
function shuffled(leaves: number, random: Random): Uint32Array {
  const order = Uint32Array.from({ length: leaves }, (_, leaf) => leaf)
  for (let place = leaves - 1; place > 0; place--) {
    const other = Math.floor(random() * (place + 1))
    const leaf = order[place]!
    order[place] = order[other]!
    order[other] = leaf
  }
  return order
}

const leavesIn = (bytes: number): number => Math.max(1, Math.ceil(bytes / LEAF_BYTES))

export class IncomingFile {
  readonly file: RepositoryFile
  readonly leaves: number
  /** The SHA-256 of its leaves, one after the other. Without a CID, others have listed them, and they prove nothing. */
  digests: Uint8Array | undefined
  partial: PartialFile | undefined
  /** It is one of the store. */
  whole = false
  /** Of each leaf, how many holders were asked for it. */
  #states: Uint8Array | undefined
  #left: number
  readonly #writing = new Set<Promise<void>>()
  readonly #random: Random
  /** Absent for that of the file. */
  #order: Uint32Array | undefined
  /** All leaves that come before this one in the order are there or asked for. */
  #next = 0

  constructor(file: RepositoryFile, random: Random) {
    this.file = file
    this.leaves = leavesIn(file.bytes)
    this.#left = this.leaves
    this.#random = random
  }

  /** All leaves are on disk. */
  get complete(): boolean {
    return this.#left === 0 && this.#writing.size === 0
  }

  get bytesHave(): number {
    return this.whole ? this.file.bytes : (this.partial?.bytesHave ?? 0)
  }

  bytesOf(leaf: number): number {
    return Math.min(LEAF_BYTES, this.file.bytes - leaf * LEAF_BYTES)
  }

  digestOf(leaf: number): Uint8Array {
    return this.digests!.subarray(leaf * DIGEST_BYTES, (leaf + 1) * DIGEST_BYTES)
  }

  cidOf(leaf: number): string {
    return leafCidText(this.digestOf(leaf))
  }

  /** Whether a leaf of these bytes is here as part of the file: what others list is not shown before it came. */
  contains(digest: Uint8Array): boolean {
    const digests =
      this.digests && Buffer.from(this.digests.buffer, this.digests.byteOffset, this.digests.byteLength)
    if (digests === undefined) return false
    for (let at = digests.indexOf(digest); at !== -1; at = digests.indexOf(digest, at + 1)) {
      if (at % DIGEST_BYTES !== 0) continue
      if (this.whole) return true
      const came = this.partial?.digest(at / DIGEST_BYTES)
      if (came !== undefined && digests.subarray(at, at + DIGEST_BYTES).equals(came)) return true
    }
    return false
  }

  /** It is here, or being written. */
  has(leaf: number): boolean {
    return this.whole || this.#states?.[leaf] === THERE
  }

  /** A bit for each leaf that can be sent on, the lowest first. */
  bitmap(from = 0, count = this.leaves): Uint8Array {
    const bitmap = new Uint8Array(Math.ceil(count / 8))
    for (let n = 0; n < count; n++)
      if (this.whole || this.partial?.has(from + n)) bitmap[n >> 3]! |= 1 << (n & 7)
    return bitmap
  }

  /** Its leaves may be asked for from now on. */
  open(partial: PartialFile): void {
    this.partial = partial
    this.#states = new Uint8Array(this.leaves)
  }

  /**
   * The next leaf that no holder was asked for, among those that `held` has.
   *
   * @param isShared other devices fetch the file, too: each has an order of its own, so that they soon have what others lack.
   *   In the order of the file, leaves are hashed as they come, and need not be read a second time.
   */
  next(held: (leaf: number) => boolean, isShared: boolean): number | undefined {
    const states = this.#states
    if (states === undefined) return undefined
    if (isShared !== (this.#order !== undefined)) {
      this.#order = isShared ? shuffled(this.leaves, this.#random) : undefined
      this.#next = 0
    }
    const leafAt = (place: number): number => this.#order?.[place] ?? place
    while (this.#next < this.leaves && states[leafAt(this.#next)] !== 0) this.#next++
    for (let place = this.#next; place < this.leaves; place++) {
      const leaf = leafAt(place)
      if (states[leaf] === 0 && held(leaf)) return leaf
    }
    return undefined
  }

  mayAskAgain(leaf: number): boolean {
    return this.#states![leaf]! < ASKERS_MAX
  }

  asked(leaf: number): void {
    this.#states![leaf]!++
  }

  /** The holder does not send it, or what it sent was another one. */
  givenUp(leaf: number): void {
    const states = this.#states!
    if (states[leaf] === THERE || states[leaf] === 0) return
    states[leaf]!--
    this.#next = 0
  }

  /** The leaf was there when the file was opened. */
  kept(leaf: number): void {
    this.#states![leaf] = THERE
    this.#left--
  }

  /**
   * Writes a leaf that came.
   *
   * @returns whether it was not there yet.
   * @throws {LumosError} `WEIGHTS_INVALID` for other bytes; the leaf is still to come then.
   */
  async write(leaf: number, bytes: Uint8Array): Promise<boolean> {
    if (this.has(leaf)) return false
    this.kept(leaf)
    const writing = this.partial!.write(leaf, bytes, this.digestOf(leaf))
    this.#writing.add(writing)
    try {
      await writing
      return true
    } catch (err) {
      this.#states![leaf] = 0
      this.#left++
      this.#next = 0
      throw err
    } finally {
      this.#writing.delete(writing)
    }
  }

  /** Left for a later fetch. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#writing)
    await this.partial?.close()
  }

  becomeWhole(): void {
    this.whole = true
    this.#left = 0
    this.partial = undefined
    this.#states = undefined
  }
}

export class IncomingRepository {
  readonly repository: Repository
  readonly envelope: Uint8Array
  readonly files: readonly IncomingFile[]

  constructor(repository: Repository, envelope: Uint8Array, random: Random) {
    this.repository = repository
    this.envelope = envelope
    // Equal files are one file of the store.
    const bySha = new Map(repository.files.map(file => [file.sha256, file]))
    this.files = [...bySha.values()].map(file => new IncomingFile(file, random))
  }

  get bytesTotal(): number {
    return this.files.reduce((sum, { file }) => sum + file.bytes, 0)
  }

  get bytesHave(): number {
    return this.files.reduce((sum, { bytesHave }) => sum + bytesHave, 0)
  }
}
