/** What a node is in whatever mesh, and what it is in one. */

import type { PrivateKey } from '@libp2p/interface'
import type { Registry } from '../../capabilities/index.ts'
import type { Clock, Random } from '../../interface/clock.ts'
import type { EventData, EventName } from '../../interface/events.ts'
import type { Hardware } from '../../interface/manifest.ts'
import type { DataDir } from '../../storage/home/data-dir.ts'
import type { MeshStore } from '../../storage/mesh/mesh-store.ts'
import type { OfferStore } from '../../storage/mesh/offer-store.ts'
import type { Config } from '../settings/config.ts'
import type { MeshLibp2p, Network } from '../network/libp2p.ts'
import type { NodeLogger } from '../log/log.ts'
import type { Lifecycle } from '../lumos-node.ts'
import type { Authority } from '../membership/authority.ts'
import type { Door, Joiner } from '../pairing/joiner.ts'
import type { Members } from '../membership/members.ts'
import type { MeshSighting } from '../pairing/nearby.ts'
import type { Offers } from '../membership/offers.ts'
import type { Pairing } from '../pairing/pairing.ts'
import type { RevocationSync } from '../membership/revocation-sync.ts'
import type { RootKey } from '../membership/root-key.ts'
import type { Peers } from '../routing/peers.ts'
import type { Offer } from '../routing/rank.ts'
import type { Router } from '../routing/router.ts'

/** The key of this device, and its name. */
export interface Identity {
  readonly peerId: string
  readonly privateKey: PrivateKey
}

/** What a node has whatever mesh it is in. */
export interface Ground extends Identity {
  readonly config: Config
  readonly home: DataDir
  readonly clock: Clock
  readonly random: Random
  readonly log: NodeLogger
  readonly hardware: Hardware
  readonly registry: Registry
  readonly network: Network
  readonly store: MeshStore
  readonly offers: OfferStore
  readonly root: RootKey
  /** Make another key in place of the present one, for good. */
  newIdentity(): Promise<Identity>
  emit<N extends EventName>(name: N, data: EventData<N>): void
}

/** One mesh as this node takes part in it. */
export interface Mesh {
  /** In the order in which the parts start; they stop in the reverse. */
  readonly lifecycle: readonly Lifecycle[]
  readonly libp2p: MeshLibp2p
  readonly members: Members
  readonly authority: Authority
  readonly revocations: RevocationSync
  readonly pairing: Pairing
  readonly joiner: Joiner
  readonly peers: Peers
  readonly router: Router
  offers(): Offer[]
  /** To whom this node's own models are offered. */
  readonly access: Offers
  /** That has just changed: what is under way for those who may not any more ends, and peers are told. */
  accessChanged(): void
  /** Devices of other meshes that were met. */
  sightings(): MeshSighting[]
  /** This device was removed from the mesh, as it has seen proven. */
  isRemoved(): boolean
  /** Members that say so. */
  saidRemoved(): readonly string[]
  /** Somebody is likely to be there. */
  sighted(door: Door): void
  /** Say hello once more to everyone who is connected. */
  greetAll(): Promise<void>
  /** This node's models or their state changed. */
  offerChanged(): void
  /** Peers are told to ask somebody else from now on. */
  refuseRequests(): void
}
