/**
 * One try to have a file together with other devices: from the origin where this device claims it, and leaf by leaf from
 * those that have some of it. What came is checked as a whole at the end.
 */

import type { Clock, Random } from '../../../interface/clock.ts'
import { LumosError, toLumosError } from '../../../interface/errors.ts'
import type { Logger } from '../../../interface/lifecycle.ts'
import { LISTS_PER_ANSWER, type OfComing, type Share, type Stated } from '../../../protocols/blocks/index.ts'
import type { LeafList } from '../../../protocols/weights/leaf-list.ts'
import type { PartialFile, StoredFile, WeightStore } from '../../../storage/weights/types.ts'
import type { LeafTarget } from '../origins/index.ts'
import { IncomingFile } from '../transfer/incoming.ts'
import type { MeshHolders } from '../transfer/mesh-holders.ts'
import { type ClaimEffect, type ClaimEvent, type ClaimState, claimCore, newClaim } from './claim-core.ts'
import { LeafLists } from './leaf-lists.ts'
import { ownDownload } from './own-download.ts'
import { Pullers } from './pullers.ts'

const CHECK_MS = 1000

/** A file of an origin that states its SHA-256. */
export interface SharedContent {
  readonly path: string
  readonly sha256: string
  readonly bytes: number
}

export interface RoundComponents {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly store: Pick<WeightStore, 'partial' | 'digestsOf'>
  readonly content: SharedContent
  /** Leaves that this device has from its own origin: they need not come again, also where a peer lies. Added to. */
  readonly fromOrigin: Set<number>
  readonly peerId: string
  /** -1 for a guest. */
  readonly strength: number
  readonly holders: Pick<MeshHolders, 'open' | 'onLiar' | 'maySign'>
  /** Connected devices that may have the file. */
  peers(): string[]
  /** Whether this device takes leaves and lists of that one. */
  admits(peerId: string): boolean
  /** Whether a claim of that one counts. */
  mayClaim(peerId: string): boolean
  seal(list: LeafList): Promise<Uint8Array>
  /** All leaves that are missing, from the origin. */
  download(target: LeafTarget, signal: AbortSignal): Promise<void>
  /** What the origin has sent, and in which time. */
  onLink(bytes: number, ms: number): void
  onLate(peerId: string): void
  onKept(bytes: number): void
  /** `from`: a PeerId; nothing for the origin. */
  onBytes(from: string | undefined, bytes: number): void
}

export class Round {
  readonly number: number
  readonly lists: LeafLists
  readonly incoming: IncomingFile
  readonly #components: RoundComponents
  readonly #claim: ClaimState
  readonly #pullers: Pullers
  readonly #controller = new AbortController()
  readonly #ended = Promise.withResolvers<void>()
  #partial: PartialFile | undefined
  #download: AbortController | undefined
  #failure: unknown
  #leafMs = 0

  constructor(number: number, components: RoundComponents) {
    const { clock, random, log, content, peerId, strength, holders } = components
    this.number = number
    this.#components = components
    this.lists = new LeafLists(content.bytes)
    this.incoming = new IncomingFile({ ...content, cid: '' }, random)
    this.incoming.digests = this.lists.digests
    this.#claim = newClaim(peerId, strength, clock.monotonicMs())
    this.#ended.promise.catch(() => {})
    this.#pullers = new Pullers({
      ...{ clock, log, holders, sha256: content.sha256 },
      ...{ signal: this.#controller.signal, incoming: this.incoming, lists: this.lists },
      admits: id => components.admits(id),
      stated: () => this.#stated,
      onHeard: (id, stated) => this.#heard(id, stated),
      onGone: (peerId, askedMs) => this.#step({ type: 'gone', peerId, askedMs }),
      onLeaf: (id, bytes) => this.#came(id, bytes),
      onFailure: err => this.#fail(err)
    })
  }

  /** @throws {LumosError} `WEIGHTS_INVALID` where the whole is another file; what the origin and the disk throw. */
  async run(signal: AbortSignal): Promise<StoredFile> {
    const { store, content, fromOrigin } = this.#components
    const { sha256, bytes } = content
    const onAbort = (): void => this.#fail(signal.reason)
    signal.addEventListener('abort', onAbort)
    const partial = await store.partial(sha256, bytes, { signal })
    try {
      if (signal.aborted) onAbort()
      this.#open(partial)
      if (!this.incoming.complete) {
        this.#tick()
        void this.#pullers.ask(this.#components.peers()).then(() => this.#step({ type: 'asked' }))
        await this.#ended.promise
      }
      this.#stop()
      // Where no other device has listed any, what is wrong came from the origin.
      const keep = this.lists.signers.length > 0 ? fromOrigin : new Set<number>()
      const stored = await partial.finish({ sha256 }, { signal, keep })
      // Those that others have listed are replaced by those of the file.
      this.incoming.digests = store.digestsOf(stored.cid)
      this.incoming.becomeWhole()
      return stored
    } catch (err) {
      this.#stop(err)
      await this.incoming.close()
      throw err
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** A device has come, or may have changed its mind. */
  met(peerId: string): void {
    if (this.#partial !== undefined) void this.#pullers.join(peerId)
  }

  gone(peerId: string): void {
    this.#step({ type: 'gone', peerId })
  }

  /** What this device states, lists and has. */
  async answer(peerId: string, question: OfComing): Promise<Share> {
    const { sha256, bytes } = this.#components.content
    if (!this.#controller.signal.aborted) {
      this.#heard(peerId, question)
      this.met(peerId)
    }
    await this.lists.seal((first, digests) => this.#components.seal({ sha256, bytes, first, digests }))
    const since = question.round === this.number ? question.since : 0
    return {
      ...{ ...this.#stated, round: this.number, have: this.incoming.bitmap() },
      lists: this.lists.envelopes.slice(since, since + LISTS_PER_ANSWER)
    }
  }

  get #stated(): Stated {
    const { stage, able, strength } = this.#claim
    return {
      stage: this.incoming.whole ? 'has' : stage,
      able: able && strength >= 0,
      strength: Math.max(0, strength)
    }
  }

  #open(partial: PartialFile): void {
    this.#partial = partial
    this.incoming.open(partial)
    for (let leaf = 0; leaf < partial.leaves; leaf++) if (partial.has(leaf)) this.#own(leaf)
    this.#components.onKept(partial.bytesHave)
  }

  #own(leaf: number): void {
    this.incoming.kept(leaf)
    this.lists.own(leaf, this.#partial!.digest(leaf)!)
  }

  readonly #tick = (): void => {
    if (this.#controller.signal.aborted) return
    this.#step({ type: 'timer' })
    this.#pullers.wake()
    const { leader } = this.#claim
    if (leader !== undefined) void this.#pullers.join(leader, true)
    this.#components.clock.setTimer(this.#tick, CHECK_MS)
  }

  #heard(peerId: string, stated: Stated): void {
    const able = stated.able && this.#components.mayClaim(peerId)
    this.#step({ type: 'heard', peerId, stated: { ...stated, able } })
  }

  #step(event: ClaimEvent): void {
    if (this.#controller.signal.aborted) return
    const { clock, random } = this.#components
    for (const effect of claimCore(this.#claim, event, clock.monotonicMs(), random).effects) this.#do(effect)
  }

  #do(effect: ClaimEffect): void {
    switch (effect.type) {
      case 'claim':
        this.#pullers.tell()
        void this.#fromOrigin()
        break
      case 'follow':
        this.#download?.abort(new LumosError('CANCELLED', 'Another device downloads the file.'))
        void this.#pullers.join(effect.peerId, true)
        break
      case 'late':
        this.#components.onLate(effect.peerId)
        break
      case 'fail':
        this.#fail(this.#failure)
    }
  }

  async #fromOrigin(): Promise<void> {
    const { clock, download, onLink, fromOrigin } = this.#components
    const controller = new AbortController()
    this.#download = controller
    const signal = AbortSignal.any([controller.signal, this.#controller.signal])
    const parts = {
      ...{ clock, download, onLink, partial: this.#partial!, pullers: this.#pullers },
      leafMs: () => this.#leafMs,
      onLeaf: (leaf: number, bytes: number) => {
        const isNew = !this.incoming.has(leaf)
        if (isNew) this.#own(leaf)
        if (isNew) fromOrigin.add(leaf)
        this.#came(undefined, isNew ? bytes : 0)
      }
    }
    try {
      await ownDownload(parts, signal)
    } catch (err) {
      if (signal.aborted) return
      // Another device may have a link or a right that this one has not; the disk is this one's.
      if (toLumosError(err).code === 'WEIGHTS_FULL') this.#fail(err)
      this.#failure = err
      this.#step({ type: 'failed' })
    }
  }

  #came(from: string | undefined, bytes: number): void {
    this.#leafMs = this.#components.clock.monotonicMs()
    this.#components.onBytes(from, bytes)
    this.#step({ type: 'leaf', bytes })
    if (this.incoming.complete) this.#ended.resolve()
  }

  #fail(reason: unknown): void {
    this.#ended.reject(toLumosError(reason))
  }

  #stop(reason?: unknown): void {
    this.#controller.abort(reason ?? new LumosError('CANCELLED', 'The file is there.'))
    this.#pullers.close()
  }
}
