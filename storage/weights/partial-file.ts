/**
 * A file that comes leaf by leaf: its bytes at their places in a sparse file, and beside it a journal with the digest of
 * each leaf that was written.
 *
 * Neither is flushed for each leaf. What is opened again is hashed anew, and a leaf counts when its bytes have the
 * digest of the journal, so a journal that is ahead of its data, torn or damaged costs the leaves that it is wrong about.
 */

import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { CancelledError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { LEAF_BYTES } from '../../interface/limits.ts'
import { invalidWeights, weightsFailure } from './failure.ts'
import { setMode } from './folder.ts'
import type { Followed } from './hash-thread.ts'
import { Journal } from './journal.ts'
import { type PartialKeeper, type PartialPlace, removePartial } from './partial-place.ts'
import type { FinishOptions, PartialFile, StoredFile } from './types.ts'

const DIGEST_BYTES = 32
const CREATE = constants.O_RDWR | constants.O_CREAT

export class LeafFile implements PartialFile {
  readonly bytes: number
  readonly leaves: number
  readonly #place: PartialPlace
  readonly #keeper: PartialKeeper
  readonly #digests: Uint8Array
  readonly #there: Uint8Array
  readonly #writing = new Map<number, Promise<void>>()
  readonly #data: FileHandle
  readonly #journal: Journal
  #bytesHave = 0
  #followed: Followed | undefined
  #closed = false

  private constructor(
    bytes: number,
    place: PartialPlace,
    handles: readonly [FileHandle, Journal],
    keeper: PartialKeeper
  ) {
    this.bytes = bytes
    this.leaves = Math.max(1, Math.ceil(bytes / LEAF_BYTES))
    this.#place = place
    this.#keeper = keeper
    this.#digests = new Uint8Array(this.leaves * DIGEST_BYTES)
    this.#there = new Uint8Array(this.leaves)
    ;[this.#data, this.#journal] = handles
  }

  /** What is there of it counts as far as its digests are right. */
  static async open(
    bytes: number,
    place: PartialPlace,
    keeper: PartialKeeper,
    options: AbortOptions = {}
  ): Promise<LeafFile> {
    const partial = await LeafFile.#opened(bytes, place, keeper)
    try {
      await partial.#check(options)
      // The thread starts while the first leaf comes.
      if (partial.leaves > 1) partial.#follow()
      return partial
    } catch (err) {
      await partial.close()
      throw weightsFailure(err, place.data)
    }
  }

  static async #opened(bytes: number, place: PartialPlace, keeper: PartialKeeper): Promise<LeafFile> {
    const { size } = await stat(place.data).catch(() => ({ size: -1 }))
    // Of another size it is not the same content.
    if (size !== bytes) await removePartial(place)
    // One that was to become a file of the store, or was one, may be read only.
    else await setMode(place.data, 0o600)
    const data = await open(place.data, CREATE, 0o600)
    try {
      await data.truncate(bytes)
      return new LeafFile(bytes, place, [data, await Journal.open(place.journal)], keeper)
    } catch (err) {
      await data.close()
      throw err
    }
  }

  get bytesHave(): number {
    return this.#bytesHave
  }

  has(leaf: number): boolean {
    return this.#there[leaf] === 1
  }

  digest(leaf: number): Uint8Array | undefined {
    return this.has(leaf) ? this.#digestAt(leaf).slice() : undefined
  }

  async write(leaf: number, bytes: Uint8Array, digest?: Uint8Array): Promise<void> {
    const length = this.#lengthOf(leaf)
    if (bytes.length !== length)
      throw invalidWeights(`A leaf has ${bytes.length} bytes, and leaf ${leaf} of this file has ${length}.`)
    while (this.#writing.has(leaf)) await this.#writing.get(leaf)!.catch(() => undefined)
    if (this.#closed) throw new CancelledError('The file is closed.')
    if (this.has(leaf)) return
    const writing = this.#write(leaf, bytes, digest).finally(() => this.#writing.delete(leaf))
    this.#writing.set(leaf, writing)
    await writing
  }

  async read(leaf: number): Promise<Uint8Array> {
    if (!this.has(leaf)) throw invalidWeights(`Leaf ${leaf} of this file is not there.`)
    const bytes = Buffer.allocUnsafeSlow(this.#lengthOf(leaf))
    const { bytesRead } = await this.#data.read(bytes, 0, bytes.length, leaf * LEAF_BYTES)
    if (bytesRead < bytes.length) throw invalidWeights(`Leaf ${leaf} of this file is no longer there.`)
    return bytes
  }

  async finish(
    expected: { sha256?: string; cid?: string },
    options: FinishOptions = {}
  ): Promise<StoredFile> {
    const { publish } = this.#keeper
    if (this.#bytesHave < this.bytes || !this.#there.every(there => there === 1))
      throw invalidWeights(`A file lacks ${this.bytes - this.#bytesHave} of its ${this.bytes} bytes.`)
    const dag = await this.#keeper.thread.fileDag(this.bytes, this.#digests, options)
    const sha256 =
      this.leaves === 1 ? Buffer.from(this.#digests).toString('hex') : await this.#wholeHash(options)
    const wrong =
      (expected.sha256 ?? sha256) !== sha256
        ? 'SHA-256'
        : (expected.cid ?? dag.cid) !== dag.cid
          ? 'CID'
          : undefined
    if (wrong !== undefined) {
      await this.#leave(options.keep)
      throw invalidWeights(
        `A file of ${this.bytes} bytes came whole, and its ${wrong} is not the one that was announced.`
      )
    }
    const file = { sha256, cid: dag.cid, bytes: this.bytes }
    try {
      await this.#data.sync()
      await publish(this.#place.data, file, this.#digests, dag)
    } catch (err) {
      throw weightsFailure(err, this.#place.data)
    }
    await this.discard()
    return file
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.allSettled(this.#writing.values())
    this.#followed?.cancel()
    await this.#data.close()
    await this.#journal.close()
    this.#keeper.closed()
  }

  async discard(): Promise<void> {
    await this.close()
    await removePartial(this.#place)
  }

  /** For the next try, these leaves alone. */
  async #leave(keep: ReadonlySet<number> = new Set()): Promise<void> {
    if (keep.size === 0) return await this.discard()
    await this.#journal.restart([...keep].map(leaf => [leaf, this.#digestAt(leaf)]))
    await this.close()
  }

  /** The thread of the network hashes nothing: what was written is read again, and counts when it is right. */
  async #write(leaf: number, bytes: Uint8Array, expected?: Uint8Array): Promise<void> {
    try {
      await this.#writeAt(leaf * LEAF_BYTES, bytes)
      const digest = await this.#hash(leaf, bytes, expected)
      if (expected !== undefined && Buffer.compare(digest, expected) !== 0)
        throw invalidWeights(`Leaf ${leaf} has another SHA-256 than was expected.`)
      await this.#journal.note(leaf, digest)
      this.#count(leaf, digest)
    } catch (err) {
      throw weightsFailure(err, this.#place.data)
    }
  }

  async #hash(leaf: number, bytes: Uint8Array, expected?: Uint8Array): Promise<Uint8Array> {
    if (this.leaves > 1) return await this.#follow().leaf(leaf, expected)
    // Not worth the start of a thread.
    return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  }

  #follow(): Followed {
    this.#followed ??= this.#keeper.thread.follow(this.#place.data, this.bytes, this.#there)
    return this.#followed
  }

  async #writeAt(from: number, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; )
      at += (await this.#data.write(bytes, at, bytes.length - at, from + at)).bytesWritten
  }

  #count(leaf: number, digest: Uint8Array): void {
    if (this.has(leaf)) return
    this.#there[leaf] = 1
    this.#digests.set(digest, leaf * DIGEST_BYTES)
    this.#bytesHave += this.#lengthOf(leaf)
    this.#keeper.onLeaf(digest, leaf)
  }

  /** The journal stays as it is: a process that is killed meanwhile has lost nothing. */
  async #check(options: AbortOptions): Promise<void> {
    const known = await this.#journal.entries()
    const leaves = [...known.keys()].filter(leaf => leaf < this.leaves).sort((a, b) => a - b)
    if (leaves.length === 0) return
    const found = await this.#keeper.thread.digests(this.#place.data, this.bytes, leaves, options)
    for (const [n, leaf] of leaves.entries()) {
      const digest = found.slice(n * DIGEST_BYTES, (n + 1) * DIGEST_BYTES)
      if (Buffer.compare(digest, known.get(leaf)!) === 0) this.#count(leaf, digest)
    }
  }

  async #wholeHash({ signal }: AbortOptions): Promise<string> {
    const { promise, reject } = Promise.withResolvers<never>()
    const onAbort = () => reject(signal!.reason)
    signal?.addEventListener('abort', onAbort)
    try {
      signal?.throwIfAborted()
      return await Promise.race([promise, this.#follow().hashed])
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #lengthOf(leaf: number): number {
    if (!Number.isInteger(leaf) || leaf < 0 || leaf >= this.leaves)
      throw invalidWeights(`A file of ${this.leaves} leaves has no leaf ${leaf}.`)
    return Math.min(LEAF_BYTES, this.bytes - leaf * LEAF_BYTES)
  }

  #digestAt(leaf: number): Uint8Array {
    return this.#digests.subarray(leaf * DIGEST_BYTES, (leaf + 1) * DIGEST_BYTES)
  }
}
