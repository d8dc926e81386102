/** Weights between the devices of a mesh: what this one sends, what it fetches, and which ones have what. */

import type { Clock, Random } from '../../../interface/clock.ts'
import { LumosError, OverloadedError } from '../../../interface/errors.ts'
import type { AbortOptions, Logger } from '../../../interface/lifecycle.ts'
import type { Access } from '../../../interface/membership.ts'
import type { Holder as HolderInfo, Repository, WeightSource } from '../../../interface/weights.ts'
import {
  BLOCKS_PROTOCOL,
  BLOCKS_STREAMS_INBOUND_MAX,
  BlocksHandler
} from '../../../protocols/blocks/index.ts'
import type { StoredRepository, WeightStore } from '../../../storage/weights/types.ts'
import type { MeshContext, Participation } from '../../feature.ts'
import { EVERY_MEMBER } from '../../membership/index.ts'
import { weightsKey } from '../../network/dht-keys.ts'
import { Sharing } from '../sharing/index.ts'
import { audienceOf } from './audience.ts'
import { checkIncoming, whileChecked } from './check-incoming.ts'
import { encodeHeld, type Statement } from './claims.ts'
import { Fetch, type FetchProgress } from './fetch.ts'
import { IncomingRepository } from './incoming.ts'
import { MeshHolders } from './mesh-holders.ts'
import { OwnHoldings } from './own-holdings.ts'
import { DISK } from './tally.ts'

/** A device that sleeps overnight is back by then. */
const WAIT_MS = 24 * 3600 * 1000
/** What a second fetch of a repository is told: when the first one ends is not known. */
const FETCHED_RETRY_AFTER_MS = 10_000
/** A peer that is told this asks another one. */
const STOPPING_RETRY_AFTER_MS = 60_000

export interface TransferComponents {
  readonly store: WeightStore
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  offeredTo(model: string): Access | undefined
  /** What this device states in its manifest beside what it holds, given the CIDs of that. */
  statement?(held: ReadonlySet<string>): Statement
}

export interface FetchOptions extends AbortOptions {
  /** How long no byte may come, as when its only holder is away. Default: a day. */
  readonly waitMs?: number
  onProgress?(progress: FetchProgress): void
}

export interface Fetched {
  readonly repository: StoredRepository
  readonly sources: readonly WeightSource[]
}

export class WeightTransfer {
  /** Files that several devices download from an origin. */
  readonly sharing: Sharing
  /** Devices that hold weights, and what they state. */
  readonly devices: MeshHolders
  readonly #components: TransferComponents
  /** By CID. */
  readonly #fetches = new Map<string, Fetch>()
  #mesh: MeshContext | undefined
  #refusing = false

  constructor(components: TransferComponents) {
    this.#components = components
    this.devices = new MeshHolders(components.clock, components.log)
    const mayHave = (peerId: string, name: string) => this.#mayHave(peerId, name)
    this.sharing = new Sharing({ ...components, holders: this.devices, mayHave })
  }

  join(mesh: MeshContext): Participation {
    const { clock, log } = this.#components
    this.#mesh = mesh
    this.devices.join(mesh)
    this.sharing.join(mesh)
    this.#refusing = false
    const handler = new BlocksHandler({ clock, log, holdingsFor: peerId => this.#holdingsFor(peerId) })
    return {
      protocols: [
        {
          ids: BLOCKS_PROTOCOL,
          // To whom weights are offered is asked at each block.
          openers: EVERY_MEMBER,
          inboundMax: BLOCKS_STREAMS_INBOUND_MAX,
          handle: handler.onStream
        }
      ],
      manifest: () => this.#manifest(),
      // What is private leads to no device.
      keys: () => this.held().flatMap(({ cid, name }) => [cid, weightsKey(mesh.meshId, name)]),
      onManifest: (peerId, part) => {
        this.devices.stated(peerId, part)
        this.#met(peerId)
      },
      onMember: ({ connection }) => {
        this.devices.met()
        this.#met(connection.remotePeer.toString())
        this.sharing.met(connection.remotePeer.toString())
      },
      onGone: peerId => this.sharing.gone(peerId),
      refuse: () => {
        this.#refusing = true
      },
      stop: () => handler.close()
    }
  }

  /**
   * A repository of the mesh becomes one of the store.
   *
   * @param ref its name, its CID, or the SHA-256 of one of its files.
   * @throws {LumosError} `WEIGHTS_NOT_FOUND`, `WEIGHTS_INVALID`, `WEIGHTS_FULL`; `TIMEOUT` where no byte came for long.
   */
  async fetch(ref: string, { signal, waitMs = WAIT_MS, onProgress }: FetchOptions = {}): Promise<Fetched> {
    const { store, random } = this.#components
    const own = store.repository(ref)
    if (own !== undefined) return { repository: own, sources: [{ from: DISK, bytes: own.bytes }] }
    const { value, envelope, signer } = await this.devices.locate(ref, {
      ...(signal && { signal }),
      waitMs,
      onMissing: missing => onProgress?.({ bytesDone: 0, bytesTotal: 0, sources: [], missing })
    })
    await checkIncoming(value, store)
    if (this.#fetches.has(value.cid)) {
      throw new OverloadedError(`${value.name} is being fetched already.`, FETCHED_RETRY_AFTER_MS)
    }
    const fetch = this.#fetchOf(new IncomingRepository(value, envelope, random), waitMs, onProgress)
    this.#fetches.set(value.cid, fetch)
    this.changed()
    try {
      const sources = await whileChecked(value, store, signal, either => fetch.run(either))
      return { repository: await store.add(value, envelope, { signal }), sources }
    } catch (err) {
      // The leaves are those of its files, so what is wrong is the manifest.
      if (err instanceof LumosError && err.code === 'WEIGHTS_INVALID') this.devices.onLiar(signer, err)
      throw err
    } finally {
      this.#fetches.delete(value.cid)
      this.changed()
    }
  }

  /**
   * A file of a repository of the mesh becomes one of the store, for a repository of another name or origin.
   *
   * @throws {LumosError} `WEIGHTS_NOT_FOUND` where no device has it now; else as {@link fetch} does.
   */
  async fetchFile(
    sha256: string,
    { signal, waitMs = WAIT_MS, onProgress }: FetchOptions = {}
  ): Promise<void> {
    const { sightings } = await this.devices.search(sha256, { ...(signal && { signal }) })
    const [first] = sightings
    if (first === undefined) throw new LumosError('WEIGHTS_NOT_FOUND', `No device has the file ${sha256}.`)
    const { value, envelope } = first.signed
    const files = value.files.filter(file => file.sha256 === sha256)
    await this.#fetchOf(
      new IncomingRepository({ ...value, files }, envelope, this.#components.random),
      waitMs,
      onProgress
    ).run(signal)
  }

  /** The devices that have it, this one included, in whole or in part. */
  async holders(ref: string, options?: AbortOptions): Promise<HolderInfo[]> {
    const own = new OwnHoldings({ ...this.#own(), may: () => true }).find(ref)
    const { sightings } = await this.devices.search(ref, options)
    const { peerId } = this.devices.mesh
    return [...(own === undefined ? [] : [{ ...own, peerId }]), ...sightings].map(
      ({ peerId, bytesHave, bytesTotal }) => ({
        ...{ peerId, name: this.devices.nameOf(peerId), bytesHave, bytesTotal }
      })
    )
  }

  /** What is for every member: what comes first, then what is here. */
  held(): readonly Pick<Repository, 'cid' | 'name'>[] {
    return this.#forAll(this.#all())
  }

  /** The store holds other repositories, or they are offered to others: this node states so. */
  changed(): void {
    this.#mesh?.manifestChanged()
  }

  #fetchOf(incoming: IncomingRepository, waitMs: number, onProgress: FetchOptions['onProgress']): Fetch {
    return new Fetch({
      ...this.#components,
      ...{ waitMs, incoming, holders: this.devices },
      ...(onProgress && { onProgress })
    })
  }

  #manifest(): Uint8Array | undefined {
    // What is not for every member is found by those that may have it, by asking.
    const all = this.#all()
    const held = this.#forAll(all)
    const cids = new Set(held.map(({ cid }) => cid))
    const statement = this.#components.statement?.(cids) ?? { wanted: [] }
    // Of these, others count the holders.
    const counted = new Set(statement.wanted.map(({ cid }) => cid))
    const listed = [
      ...held.filter(({ cid }) => counted.has(cid)),
      ...held.filter(({ cid }) => !counted.has(cid))
    ]
    return encodeHeld(listed, held.length < all.length, statement)
  }

  #forAll<R extends { readonly name: string }>(repositories: readonly R[]): R[] {
    return repositories.filter(({ name }) => this.#components.offeredTo(name) === 'everyone')
  }

  #all(): readonly Pick<Repository, 'cid' | 'name'>[] {
    const incoming = [...this.#fetches.values()].map(fetch => fetch.incoming.repository)
    return [...incoming, ...this.#components.store.repositories()]
  }

  #holdingsFor(peerId: string): OwnHoldings {
    if (this.#refusing) throw new OverloadedError('This node is stopping.', STOPPING_RETRY_AFTER_MS)
    return new OwnHoldings({
      ...this.#own(),
      may: name => this.#mayHave(peerId, name),
      shared: () => this.sharing.shownTo(peerId),
      coming: question => this.sharing.answer(peerId, question)
    })
  }

  #mayHave(peerId: string, name: string): boolean {
    const offered = this.#components.offeredTo(name)
    if (offered === undefined || this.#mesh === undefined) return false
    try {
      this.#mesh.permit(peerId, { kind: 'ask', access: audienceOf(offered) })
      return true
    } catch {
      return false
    }
  }

  #own() {
    const incoming = () => [...this.#fetches.values()].map(fetch => fetch.incoming)
    return { store: this.#components.store, incoming }
  }

  #met(peerId: string): void {
    for (const fetch of this.#fetches.values()) fetch.met(peerId)
  }
}
