/** Weights between the devices of a mesh: what this one sends, what it fetches, and who has what. */

import type { Clock } from '../../../interface/clock.ts'
import { LumosError, OverloadedError } from '../../../interface/errors.ts'
import type { AbortOptions, Logger } from '../../../interface/lifecycle.ts'
import type { Access } from '../../../interface/membership.ts'
import { type Holder as HolderInfo, Sha256, type WeightSource } from '../../../interface/weights.ts'
import {
  BLOCKS_PROTOCOL,
  BLOCKS_STREAMS_INBOUND_MAX,
  BlocksClient,
  BlocksHandler
} from '../../../protocols/blocks/index.ts'
import type { StoredRepository, WeightStore } from '../../../storage/weights/types.ts'
import type { MeshContext, Participation } from '../../feature.ts'
import { type BanRule, Bans, EVERY_MEMBER } from '../../membership/index.ts'
import { Deadline } from '../../network/deadline.ts'
import { audienceOf } from './audience.ts'
import { Claims, encodeHeld } from './claims.ts'
import { Fetch, type FetchProgress } from './fetch.ts'
import { IncomingRepository } from './incoming.ts'
import { MeshBlocks } from './mesh-blocks.ts'
import { OwnHoldings } from './own-holdings.ts'
import { meant, type Sighting, search } from './search.ts'

/** Wrong bytes come from a lie or from a damaged disk: neither is asked again soon. Calls to the peer go on. */
const WRONG_BYTES: BanRule = { strikes: 1, withinMs: Number.POSITIVE_INFINITY }
/** For a dial and the first answer. */
const OPEN_MS = 10_000
/** A device that sleeps overnight is back by then. */
const WAIT_MS = 24 * 3600 * 1000
/** A peer that is told this asks another one. */
const STOPPING_RETRY_AFTER_MS = 60_000

export interface TransferComponents {
  readonly store: WeightStore
  readonly clock: Clock
  readonly log: Logger
  offeredTo(model: string): Access | undefined
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
  readonly #components: TransferComponents
  /** Asks the mesh for single blocks: Helia takes it as a block broker. */
  readonly blocks: MeshBlocks
  readonly #claims = new Claims()
  readonly #liars: Bans
  readonly #fetches = new Map<string, Fetch>()
  #mesh: MeshContext | undefined
  #refusing = false

  constructor(components: TransferComponents) {
    this.#components = components
    this.#liars = new Bans(WRONG_BYTES, components.clock)
    this.blocks = new MeshBlocks({
      peers: () => this.#claims.peers().filter(id => this.#mayAsk(id)),
      open: (peerId, options) => this.#open(peerId, options),
      onLiar: this.#onLiar
    })
  }

  join(mesh: MeshContext): Participation {
    const { clock, log } = this.#components
    this.#mesh = mesh
    this.#refusing = false
    const handler = new BlocksHandler({ clock, log, holdingsFor: peerId => this.#holdingsFor(mesh, peerId) })
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
      onManifest: (peerId, part) => {
        this.#claims.set(peerId, part)
        this.#met(peerId)
      },
      onMember: ({ connection }) => this.#met(connection.remotePeer.toString()),
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
    const { store, clock, log } = this.#components
    const own = store.repository(ref)
    if (own !== undefined) return { repository: own, sources: [{ from: 'disk', bytes: own.bytes }] }
    const { value, envelope } = meant(ref, await this.#search(ref, { signal }))
    if ((await store.directoryOf(value.files)) !== value.cid) {
      throw new LumosError('WEIGHTS_INVALID', `The files that ${ref} states are not those of ${value.cid}.`)
    }
    if (this.#fetches.has(value.cid))
      throw new OverloadedError(`${value.name} is being fetched already.`, OPEN_MS)
    const fetch = new Fetch({
      clock,
      log,
      store,
      waitMs,
      incoming: new IncomingRepository(value, envelope),
      candidates: () => this.#claims.holders(value.cid, value.name).filter(id => this.#mayAsk(id)),
      open: (peerId, signal) => this.#open(peerId, { signal }),
      nameOf: peerId => this.#nameOf(peerId),
      onLiar: this.#onLiar,
      ...(onProgress && { onProgress })
    })
    this.#fetches.set(value.cid, fetch)
    this.changed()
    try {
      const { stored, sources } = await fetch.run(signal)
      return { repository: stored, sources }
    } finally {
      this.#fetches.delete(value.cid)
      this.changed()
    }
  }

  /** The devices that have it, this one included, in whole or in part. */
  async holders(ref: string, options?: AbortOptions): Promise<HolderInfo[]> {
    const { peerId } = this.#joined()
    const own = new OwnHoldings({ ...this.#own(), may: () => true }).find(ref)
    const found = (await this.#search(ref, options)).map(({ peerId, bytesHave, bytesTotal }) => ({
      ...{ peerId, name: this.#nameOf(peerId), bytesHave, bytesTotal }
    }))
    if (own === undefined) return found
    const { bytesHave, bytesTotal } = own
    return [{ peerId, name: this.#nameOf(peerId), bytesHave, bytesTotal }, ...found]
  }

  /** The store holds other repositories, or they are offered to others: this node states so. */
  changed(): void {
    this.#mesh?.manifestChanged()
  }

  #manifest(): Uint8Array | undefined {
    const held = this.#components.store.repositories()
    const incoming = [...this.#fetches.values()].map(fetch => fetch.incoming.repository)
    const all = [...incoming, ...held]
    // What is not for every member is found by those that may have it, by asking.
    const listed = all.filter(({ name }) => this.#components.offeredTo(name) === 'everyone')
    return encodeHeld(listed, listed.length < all.length)
  }

  #holdingsFor({ permit }: MeshContext, peerId: string): OwnHoldings {
    if (this.#refusing) throw new OverloadedError('This node is stopping.', STOPPING_RETRY_AFTER_MS)
    const may = (name: string): boolean => {
      const offered = this.#components.offeredTo(name)
      if (offered === undefined) return false
      try {
        permit(peerId, { kind: 'ask', access: audienceOf(offered) })
        return true
      } catch {
        return false
      }
    }
    return new OwnHoldings({ ...this.#own(), may })
  }

  #own() {
    const incoming = () => [...this.#fetches.values()].map(fetch => fetch.incoming)
    return { store: this.#components.store, incoming }
  }

  #search(ref: string, options: AbortOptions = {}): Promise<Sighting[]> {
    // Manifests name repositories and no files.
    const known = Sha256.safeParse(ref).success ? this.#claims.peers() : this.#claims.holders(ref)
    const peers = known.filter(id => this.#mayAsk(id))
    return search(
      ref,
      peers,
      {
        find: (peerId, ref, options) => this.#find(peerId, ref, options),
        maySign: signer => this.#mayHold(signer),
        onLiar: this.#onLiar
      },
      options
    )
  }

  async #find(peerId: string, ref: string, { signal }: AbortOptions) {
    using deadline = new Deadline(this.#components.clock, OPEN_MS, signal)
    const client = await this.#open(peerId, deadline)
    try {
      return await client.find(ref, deadline)
    } finally {
      await client.close()
    }
  }

  async #open(peerId: string, { signal }: AbortOptions): Promise<BlocksClient> {
    const { clock } = this.#components
    using deadline = new Deadline(clock, OPEN_MS, signal)
    return new BlocksClient(await this.#joined().open(peerId, BLOCKS_PROTOCOL, deadline), { clock })
  }

  #joined(): MeshContext {
    if (this.#mesh === undefined) throw new LumosError('NODE_NOT_RUNNING', 'This node has not started.')
    return this.#mesh
  }

  #met(peerId: string): void {
    for (const fetch of this.#fetches.values()) fetch.met(peerId)
  }

  #mayAsk(peerId: string): boolean {
    return !this.#liars.isBanned(peerId) && this.#mesh?.members.get(peerId) !== undefined
  }

  /** A member of today or of before: what it signed stays, for the hashes prove the rest. A guest offers nothing. */
  #mayHold(signer: string): boolean {
    const known = this.#joined().members.lastKnown(signer)
    return signer === this.#joined().peerId || (known !== undefined && known.role !== 'guest')
  }

  #nameOf(peerId: string): string {
    return this.#mesh?.members.lastKnown(peerId)?.name ?? peerId
  }

  readonly #onLiar = (peerId: string, { code, message: why }: LumosError): void => {
    this.#components.log.warn(
      { peerId, code, why },
      'a peer sent wrong weights and is not asked for any for a while'
    )
    this.#liars.strike(peerId)
  }
}
