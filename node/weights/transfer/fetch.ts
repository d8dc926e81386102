/**
 * A repository on its way from all its holders at once. Leaves are taken from one heap, so a fast holder sends more of
 * them, and each is checked before it counts.
 */

import type { Clock } from '../../../interface/clock.ts'
import { LumosError, toLumosError } from '../../../interface/errors.ts'
import type { Logger } from '../../../interface/lifecycle.ts'
import type { Access } from '../../../interface/membership.ts'
import type { WeightSource } from '../../../interface/weights.ts'
import type { BlocksClient } from '../../../protocols/blocks/index.ts'
import type { WeightStore } from '../../../storage/weights/types.ts'
import { mayReuse } from './audience.ts'
import { awayTooLong } from './away.ts'
import { Candidates } from './candidates.ts'
import { Holder, type Leaf } from './holder.ts'
import type { IncomingFile, IncomingRepository } from './incoming.ts'
import type { MeshHolders } from './mesh-holders.ts'
import { pickLeaf } from './pick.ts'
import { prepareFile } from './prepare-file.ts'
import { DISK, Tally } from './tally.ts'

/** Files that are open at once: small files do not wait for large ones, and few are half there after a crash. */
const OPEN_FILES_MAX = 4
const CHECK_MS = 1000
/** The peer does not hold to the protocol, or its disk is damaged. */
const LIES: ReadonlySet<string> = new Set(['WEIGHTS_INVALID', 'PROTOCOL_VIOLATION', 'FRAME_TOO_LARGE'])

export interface FetchProgress {
  readonly bytesDone: number
  readonly bytesTotal: number
  readonly sources: readonly WeightSource[]
  /** Names of the holders that cannot be reached, while those that can be have nothing to send. */
  readonly missing: readonly string[]
}

export interface FetchComponents {
  readonly clock: Clock
  readonly log: Logger
  readonly store: WeightStore
  readonly incoming: IncomingRepository
  offeredTo(model: string): Access | undefined
  /** How long no byte may come. */
  readonly waitMs: number
  readonly holders: Pick<MeshHolders, 'of' | 'open' | 'nameOf' | 'onLiar'>
  onProgress?(progress: FetchProgress): void
}

export class Fetch {
  readonly #components: FetchComponents
  readonly #controller = new AbortController()
  readonly #ended = Promise.withResolvers<void>()
  readonly #holders = new Map<string, Holder>()
  readonly #candidates: Candidates
  readonly #tally = new Tally()
  readonly #open = new Set<IncomingFile>()
  #allOpened = false
  #finishing = 0
  #lastMs: number
  #changed = Promise.withResolvers<void>()

  constructor(components: FetchComponents) {
    this.#components = components
    const { clock, holders } = components
    const { cid, name } = components.incoming.repository
    this.#lastMs = clock.monotonicMs()
    this.#candidates = new Candidates(clock, () => holders.of(cid, name))
    this.#ended.promise.catch(() => {})
  }

  get incoming(): IncomingRepository {
    return this.#components.incoming
  }

  /**
   * All its files are in the store when this resolves.
   *
   * @throws {LumosError} `TIMEOUT` when nothing came for `waitMs`, naming the holders that are away; what the disk throws.
   */
  async run(signal?: AbortSignal): Promise<WeightSource[]> {
    const onAbort = (): void => this.#fail(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted) onAbort()
    try {
      this.#check()
      void this.#openFiles().catch(err => this.#fail(err))
      await this.#ended.promise
      return this.#tally.sources
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#controller.abort(new LumosError('CANCELLED', 'The fetch has ended.'))
      for (const { client } of this.#holders.values()) client.abort(this.#controller.signal.reason)
      this.#notify()
      await Promise.allSettled([...this.#open].map(file => file.close()))
    }
  }

  /** This peer has come, or stated something new: it may be asked. */
  met(peerId: string): void {
    this.#candidates.met(peerId)
    this.#recruit()
  }

  #fail(reason: unknown): void {
    this.#ended.reject(toLumosError(reason))
    this.#controller.abort(reason)
  }

  /** Again and again until the fetch has ended. */
  readonly #check = (): void => {
    const { clock, waitMs } = this.#components
    if (this.#controller.signal.aborted) return
    this.#recruit()
    this.#notify()
    if (this.#isIdle()) this.#report()
    if (this.#finishing === 0 && clock.monotonicMs() - this.#lastMs >= waitMs) {
      this.#fail(awayTooLong(waitMs, this.#missing()))
    } else clock.setTimer(this.#check, CHECK_MS)
  }

  #recruit(): void {
    if (this.#controller.signal.aborted) return
    for (const peerId of this.#candidates.due()) void this.#employ(peerId)
  }

  async #employ(peerId: string): Promise<void> {
    const { log, holders } = this.#components
    const { signal } = this.#controller
    let client: BlocksClient | undefined
    let holder: Holder | undefined
    let isAway = false
    try {
      client = await holders.open(peerId, { signal })
      const found = await client.find(this.incoming.repository.cid, { signal })
      this.#candidates.reached(peerId)
      if (found === undefined) return
      holder = this.#holderOf(peerId, client, found.bytesHave === found.bytesTotal)
      for (const file of this.#open) await holder.lookAt(file)
      this.#notify()
      await holder.run()
    } catch (thrown) {
      const err = toLumosError(thrown)
      if (signal.aborted) return
      log.debug({ peerId, code: err.code, why: err.message }, 'a holder of weights sends no more')
      isAway = !LIES.has(err.code)
      if (!isAway) holders.onLiar(peerId, err)
    } finally {
      client?.abort(new LumosError('CANCELLED', 'Nothing more is asked for.'))
      holder?.leave()
      this.#holders.delete(peerId)
      this.#candidates.left(peerId, isAway)
      this.#notify()
    }
  }

  #holderOf(peerId: string, client: BlocksClient, isWhole: boolean): Holder {
    const { clock } = this.#components
    const holder = new Holder(peerId, client, isWhole, {
      clock,
      signal: this.#controller.signal,
      pick: holder => pickLeaf(holder, this.#open, [...this.#holders.values()]),
      files: () => [...this.#open],
      onLeaf: this.#onLeaf,
      onFailure: err => this.#fail(err)
    })
    this.#holders.set(peerId, holder)
    return holder
  }

  /** Opens files while others come, a few at a time. */
  async #openFiles(): Promise<void> {
    const { store, offeredTo } = this.#components
    for (const file of this.incoming.files) {
      while (this.#open.size >= OPEN_FILES_MAX) await this.#changed.promise
      const kept = await prepareFile(file, {
        store,
        signal: this.#controller.signal,
        mayReuse: cid => mayReuse(store.namesOf(cid), offeredTo),
        holders: () => [...this.#holders.values()],
        changed: () => this.#changed.promise
      })
      this.#count(DISK, kept)
      if (file.whole) continue
      this.#open.add(file)
      // Not waited for: a holder that does not answer holds up no other one.
      for (const holder of this.#holders.values()) holder.lookAt(file).catch(() => {})
      if (file.complete) this.#finish(file)
      this.#notify()
    }
    this.#allOpened = true
    this.#endIfDone()
  }

  readonly #onLeaf = (holder: Holder, { file, leaf }: Leaf, isNew: boolean): void => {
    this.#lastMs = this.#components.clock.monotonicMs()
    if (!isNew) return
    this.#count(holder.peerId, file.bytesOf(leaf))
    if (file.complete) this.#finish(file)
  }

  #finish(file: IncomingFile): void {
    const { sha256, cid } = file.file
    if (!this.#open.delete(file)) return
    this.#finishing++
    file.partial!.finish({ sha256, cid }, { signal: this.#controller.signal }).then(
      () => {
        file.becomeWhole()
        this.#finishing--
        this.#endIfDone()
      },
      // Invalid, although the leaves are those of the CID: the manifest names another SHA-256.
      async err => {
        await file.close().catch(() => {})
        this.#fail(err)
      }
    )
    this.#notify()
  }

  #endIfDone(): void {
    if (this.#allOpened && this.#open.size === 0 && this.#finishing === 0) this.#ended.resolve()
  }

  /** A holder or a file has come or gone. */
  #notify(): void {
    const { resolve } = this.#changed
    this.#changed = Promise.withResolvers()
    resolve()
    for (const holder of this.#holders.values()) holder.wake()
  }

  #count(from: string, bytes: number): void {
    this.#tally.add(from, bytes)
    if (bytes > 0) this.#report()
  }

  /** Devices that fetch it, too, may have no more than is here. */
  readonly #isIdle = () => [...this.#holders.values()].every(({ asked }) => asked.length === 0)

  #report(): void {
    const { incoming, onProgress } = this.#components
    const missing = this.#isIdle() ? this.#missing() : []
    const { total: bytesDone, sources } = this.#tally
    onProgress?.({ bytesDone, bytesTotal: incoming.bytesTotal, sources, missing })
  }

  #missing(): string[] {
    return this.#candidates.away.map(id => this.#components.holders.nameOf(id))
  }
}
