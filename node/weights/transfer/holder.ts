/**
 * A peer from which a repository is fetched. It is asked for as many leaves as it sends in a second, so a slow one takes
 * few along, and what it does not send in time another one is asked for.
 */

import type { Clock } from '../../../interface/clock.ts'
import { LumosError, ProtocolViolationError } from '../../../interface/errors.ts'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import { type BlocksClient, LEAVES_PER_BITMAP } from '../../../protocols/blocks/index.ts'
import type { IncomingFile } from './incoming.ts'

/** Leaves that come, or are hashed and written. Enough to keep a fast link busy; in memory, 8 MiB. */
const IN_FLIGHT_MAX = 8
/** Until the first leaf shows how fast the holder is. */
const IN_FLIGHT_FIRST = 2
/** A holder is asked for what it sends in this time. */
const AHEAD_MS = 1000
/** Of a new measurement in the speed. */
const NEW_SHARE = 0.3
/** A holder that has nothing to send is looked at again after this: it may have got more, or another one is late. */
const LOOK_AGAIN_MS = 500
/** Leaves that a holder states to have and does not send before it is left alone. */
const BROKEN_PROMISES_MAX = 3

export interface Leaf {
  readonly file: IncomingFile
  readonly leaf: number
}

interface Asked extends Leaf {
  readonly sinceMs: number
}

export interface HolderComponents {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Those of which leaves may be asked for. */
  files(): readonly IncomingFile[]
  /** Which leaves it has of a file that has no CID yet. */
  look?(holder: Holder): Promise<Uint8Array>
  /** The next leaf for this holder, if there is one. */
  pick(holder: Holder): Leaf | undefined
  /** A leaf of this holder is on disk. `isNew`: it was not there yet. */
  onLeaf(holder: Holder, leaf: Leaf, isNew: boolean): void
  /** The disk failed, which is not the holder's doing. */
  onFailure(err: unknown): void
}

export class Holder {
  readonly peerId: string
  readonly client: BlocksClient
  readonly #components: HolderComponents
  /** Which leaves of a file a holder has that has not all; nothing for one that has. */
  #bitmaps: Map<IncomingFile, Uint8Array> | undefined
  #looking = false
  #asked: Asked[] = []
  /** Leaves that came and are not on disk yet: the link is not to wait for these. */
  #writing = 0
  /** Of leaves that are on disk by now, for those that come next. */
  readonly #free: Uint8Array<ArrayBuffer>[] = []
  #lastMs = 0
  #bytesPerMs = 0
  #brokenPromises = 0
  #ended = Promise.withResolvers<never>()
  #wake: () => void = () => {}

  constructor(peerId: string, client: BlocksClient, isWhole: boolean, components: HolderComponents) {
    this.peerId = peerId
    this.client = client
    this.#components = components
    if (!isWhole) this.#bitmaps = new Map()
    this.#ended.promise.catch(() => {})
  }

  /** One that has not all fetches it, too. */
  get isWhole(): boolean {
    return this.#bitmaps === undefined
  }

  /** In the order in which they come. */
  get asked(): readonly Leaf[] {
    return this.#asked
  }

  has(file: IncomingFile, leaf: number): boolean {
    if (this.#bitmaps === undefined) return true
    const bitmap = this.#bitmaps.get(file)
    return bitmap !== undefined && ((bitmap[leaf >> 3] ?? 0) & (1 << (leaf & 7))) !== 0
  }

  /** Milliseconds until the `n`th leaf from now is likely to be here. */
  expectedMs(n: number): number {
    if (this.#bytesPerMs > 0) return (n * LEAF_BYTES) / this.#bytesPerMs
    const oldest = this.#asked[0]
    // It has sent nothing yet: the longer it takes, the longer it will.
    return oldest === undefined ? 0 : n * (this.#components.clock.monotonicMs() - oldest.sinceMs)
  }

  /** There may be more to ask for. */
  wake(): void {
    this.#wake()
  }

  /** Until the signal aborts, or the holder is of no more use: then it throws why. */
  async run(): Promise<never> {
    const { clock, signal, pick } = this.#components
    for (;;) {
      signal.throwIfAborted()
      while (this.#asked.length < this.#inFlightMax) {
        const next = pick(this)
        if (next === undefined) break
        this.#ask(next)
      }
      const woken = new Promise<void>(resolve => {
        this.#wake = resolve
      })
      const timer = clock.setTimer(() => {
        this.look()
        this.#wake()
      }, LOOK_AGAIN_MS)
      try {
        await Promise.race([woken, this.#ended.promise])
      } finally {
        timer.cancel()
      }
    }
  }

  /** It is of no more use. */
  end(why: Error): void {
    this.#ended.reject(why)
  }

  /** Leaves that were asked for and did not come. */
  leave(): void {
    for (const { file, leaf } of this.#asked.splice(0)) if (!file.whole) file.givenUp(leaf)
  }

  /** Of a file that has been opened, which leaves a holder has that has not all. */
  async lookAt(file: IncomingFile): Promise<void> {
    if (this.#bitmaps === undefined) return
    const { look } = this.#components
    const bitmap = look === undefined ? await this.#bitmapOf(file) : await look(this)
    if (bitmap === undefined) return
    this.#bitmaps.set(file, bitmap)
    this.#wake()
  }

  async #bitmapOf(file: IncomingFile): Promise<Uint8Array | undefined> {
    const bitmap = new Uint8Array(Math.ceil(file.leaves / 8))
    for (let from = 0; from < file.leaves; from += LEAVES_PER_BITMAP) {
      const part = await this.client.have(file.file.cid, from, this.#components)
      if (part === undefined) return undefined
      bitmap.set(part.subarray(0, bitmap.length - from / 8), from / 8)
    }
    return bitmap
  }

  get #inFlightMax(): number {
    if (this.#bytesPerMs === 0) return IN_FLIGHT_FIRST
    const ahead = Math.max(1, Math.ceil((this.#bytesPerMs * AHEAD_MS) / LEAF_BYTES))
    return Math.min(IN_FLIGHT_MAX - this.#writing, ahead)
  }

  /** What it has by now, unless it is about to send some of it. */
  look(): void {
    if (this.#bitmaps === undefined || this.#looking || this.#asked.length > 0) return
    this.#looking = true
    Promise.all(this.#components.files().map(file => this.lookAt(file)))
      .catch(err => this.#ended.reject(err))
      .finally(() => {
        this.#looking = false
      })
  }

  #ask({ file, leaf }: Leaf): void {
    const asked = { file, leaf, sinceMs: this.#components.clock.monotonicMs() }
    file.asked(leaf)
    this.#asked.push(asked)
    const { signal } = this.#components
    const into = this.#free.pop() ?? new Uint8Array(LEAF_BYTES)
    this.client
      .block(file.cidOf(leaf), { signal, into })
      .then(bytes => this.#take(asked, bytes))
      .then(() => this.#free.push(into))
      .catch(err => this.#ended.reject(err))
      .finally(() => this.#wake())
  }

  async #take(asked: Asked, bytes: Uint8Array | undefined): Promise<void> {
    const { file, leaf } = asked
    const at = this.#asked.indexOf(asked)
    if (at !== -1) this.#asked.splice(at, 1)
    if (bytes === undefined) this.#lacks(asked)
    else if (bytes.byteLength !== file.bytesOf(leaf)) {
      file.givenUp(leaf)
      throw new ProtocolViolationError('A leaf has another length.')
    } else {
      this.#measure(asked, bytes.byteLength)
      const isNew = !file.whole && (await this.#write(asked, bytes))
      this.#components.onLeaf(this, asked, isNew)
    }
  }

  async #write({ file, leaf }: Leaf, bytes: Uint8Array): Promise<boolean> {
    this.#writing++
    this.#wake()
    try {
      return await file.write(leaf, bytes)
    } catch (err) {
      if (!(err instanceof LumosError && err.code === 'WEIGHTS_INVALID')) this.#components.onFailure(err)
      throw err
    } finally {
      this.#writing--
    }
  }

  #lacks({ file, leaf }: Leaf): void {
    file.givenUp(leaf)
    if (++this.#brokenPromises === BROKEN_PROMISES_MAX) {
      throw new LumosError('PEER_UNREACHABLE', 'The peer does not send what it states to have.')
    }
    this.#bitmaps ??= new Map()
    this.#bitmaps.delete(file)
  }

  #measure({ sinceMs }: Asked, bytes: number): void {
    const nowMs = this.#components.clock.monotonicMs()
    const rate = bytes / Math.max(0.1, nowMs - Math.max(sinceMs, this.#lastMs))
    this.#lastMs = nowMs
    this.#bytesPerMs = this.#bytesPerMs === 0 ? rate : this.#bytesPerMs * (1 - NEW_SHARE) + rate * NEW_SHARE
  }
}
