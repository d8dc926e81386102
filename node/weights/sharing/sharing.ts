/** Files of origins that this device downloads while others of its mesh do: one asks the origin, and all have it from there. */

import type { Clock, Random } from '../../../interface/clock.ts'
import type { AbortOptions, Logger } from '../../../interface/lifecycle.ts'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import { type OfComing, SHARED_LEAVES_MAX, type Share } from '../../../protocols/blocks/index.ts'
import { LEAF_LIST, type LeafList } from '../../../protocols/weights/leaf-list.ts'
import type { StoredFile, WeightStore } from '../../../storage/weights/types.ts'
import type { MeshContext } from '../../feature.ts'
import { type BanRule, Bans } from '../../membership/index.ts'
import type { LeafTarget } from '../origins/index.ts'
import type { IncomingFile } from '../transfer/incoming.ts'
import type { MeshHolders } from '../transfer/mesh-holders.ts'
import type { SharedContent } from './round.ts'
import { SharedFile } from './shared-file.ts'

/** A device whose claim has brought nothing is followed for no file for a while. */
const LATE: BanRule = { strikes: 1, withinMs: Number.POSITIVE_INFINITY }
/** A device that lacks the last leaves has them by then, or asks the origin. */
const LINGER_MS = 10 * 60_000
/** Their lists are in memory: half a megabyte for a file of 5 GiB. */
const LINGERING_MAX = 64
/** What comes faster than a link is measured comes from a buffer. */
const MEASURED_BYTES_MIN = 8 * LEAF_BYTES
/** Numbers of rounds of two tries do not meet. */
const ROUNDS_MAX = 2 ** 40

export interface SharingComponents {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly store: Pick<WeightStore, 'file' | 'partial' | 'digestsOf'>
  readonly holders: Pick<MeshHolders, 'open' | 'onLiar' | 'maySign' | 'mayAsk'>
  /** Whether the weights of this model are for that device. */
  mayHave(peerId: string, model: string): boolean
}

export interface ObtainShared extends AbortOptions {
  readonly model: string
  /** Whether a file of the store may become part of this model. */
  mayReuse(stored: StoredFile): boolean
  download(target: LeafTarget, signal: AbortSignal): Promise<void>
  onKept(bytes: number): void
  /** `from`: a PeerId; nothing for the origin. */
  onBytes(from: string | undefined, bytes: number): void
}

/** A file of one leaf has come before devices have found each other. One without SHA-256 is what its server sends each time. */
export const isShared = (file: { sha256?: string; bytes: number }): file is SharedContent =>
  file.sha256 !== undefined && file.bytes > LEAF_BYTES && file.bytes <= SHARED_LEAVES_MAX * LEAF_BYTES

export class Sharing {
  readonly #components: SharingComponents
  /** By SHA-256. Those that are whole are the first to go. */
  readonly #files = new Map<string, SharedFile>()
  readonly #late: Bans
  readonly #present = new Set<string>()
  #mesh: MeshContext | undefined
  /** A power of two of bytes a second; 0 before it was measured. */
  #strength = 0

  constructor(components: SharingComponents) {
    this.#components = components
    this.#late = new Bans(LATE, components.clock)
  }

  join(mesh: MeshContext): void {
    this.#mesh = mesh
    this.#present.clear()
  }

  met(peerId: string): void {
    this.#present.add(peerId)
    for (const file of this.#files.values()) if (this.#components.mayHave(peerId, file.name)) file.met(peerId)
  }

  gone(peerId: string): void {
    this.#present.delete(peerId)
    for (const file of this.#files.values()) file.gone(peerId)
  }

  /** @throws {LumosError} `WEIGHTS_INVALID` for wrong bytes of the origin; what `download` and the store throw. */
  async obtain(content: SharedContent, options: ObtainShared): Promise<StoredFile> {
    const { sha256 } = content
    const signal = options.signal ?? new AbortController().signal
    for (;;) {
      const stored = this.#components.store.file(sha256)
      if (stored !== undefined && options.mayReuse(stored)) {
        options.onKept(stored.bytes)
        return stored
      }
      const other = this.#files.get(sha256)
      if (other === undefined || other.incoming.whole) break
      // Another pull of this device has it.
      await Promise.race([other.over, aborted(signal)])
      signal.throwIfAborted()
    }
    const file = this.#fileOf(content, options)
    this.#files.set(sha256, file)
    try {
      const stored = await file.run(signal)
      this.#linger(sha256, file)
      return stored
    } catch (err) {
      if (this.#files.get(sha256) === file) this.#files.delete(sha256)
      throw err
    }
  }

  /** What this device has of it, as a device that downloads it may see it. */
  async answer(peerId: string, question: OfComing): Promise<Share | undefined> {
    const file = this.#files.get(question.sha256)
    if (file === undefined || !this.#components.mayHave(peerId, file.name)) return undefined
    return await file.answer(peerId, question)
  }

  /** Files whose leaves are for this device. */
  *shownTo(peerId: string): Generator<IncomingFile> {
    for (const { name, incoming } of this.#files.values())
      if (this.#components.mayHave(peerId, name)) yield incoming
  }

  #fileOf(content: SharedContent, { model: name, download, onKept, onBytes }: ObtainShared): SharedFile {
    const { clock, random, log, store, holders, mayHave } = this.#components
    const peerId = this.#mesh?.peerId ?? ''
    return new SharedFile({
      ...{ clock, random, log, store, content, name, holders, peerId, download, onKept, onBytes },
      firstRound: Math.floor(random() * ROUNDS_MAX),
      strength: this.#roleOf(peerId) === 'guest' ? -1 : this.#strength,
      // A private model is not named to those that may not have it.
      peers: () => [...this.#present].filter(id => mayHave(id, name)),
      admits: id => holders.mayAsk(id),
      mayClaim: id => this.#roleOf(id) !== 'guest' && !this.#late.isBanned(id) && holders.mayAsk(id),
      seal: (list: LeafList) => this.#mesh!.seal(LEAF_LIST, list),
      onLate: id => {
        log.info({ peerId: id, sha256: content.sha256 }, 'a download of another device has brought nothing')
        this.#late.strike(id)
      },
      onLink: (bytes, ms) => {
        if (bytes >= MEASURED_BYTES_MIN)
          this.#strength = Math.max(0, Math.floor(Math.log2((bytes * 1000) / Math.max(1, ms))))
      }
    })
  }

  #roleOf(peerId: string) {
    return this.#mesh?.members.get(peerId)?.role
  }

  #linger(sha256: string, file: SharedFile): void {
    // The latest to be whole goes last.
    this.#files.delete(sha256)
    this.#files.set(sha256, file)
    const whole = [...this.#files].filter(([, { incoming }]) => incoming.whole)
    for (const [id] of whole.slice(0, Math.max(0, whole.length - LINGERING_MAX))) this.#files.delete(id)
    this.#components.clock.setTimer(() => {
      if (this.#files.get(sha256) === file) this.#files.delete(sha256)
    }, LINGER_MS)
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
