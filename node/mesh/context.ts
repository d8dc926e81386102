/** What a node is in whatever mesh, and what it is in one. */

import type { PrivateKey } from '@libp2p/interface'
import type { Catalogue, Registry } from '../../capabilities/index.ts'
import type { Clock, Random } from '../../interface/clock.ts'
import type { DiscoveryReport } from '../../interface/discovery.ts'
import type { EventData, EventName } from '../../interface/events.ts'
import type { Lifecycle } from '../../interface/lifecycle.ts'
import type { Hardware } from '../../interface/manifest.ts'
import type { DataDir } from '../../storage/home/data-dir.ts'
import type { MeshStore } from '../../storage/mesh/mesh-store.ts'
import type { ModelAccessStore } from '../../storage/mesh/model-access-store.ts'
import type { Feature } from '../feature.ts'
import type { NodeLogger } from '../log/log.ts'
import type { Authority } from '../membership/authority.ts'
import type { Members } from '../membership/members.ts'
import type { ModelAccess } from '../membership/model-access.ts'
import type { RevocationSync } from '../membership/revocation-sync.ts'
import type { RootKey } from '../membership/root-key.ts'
import type { MeshLibp2p, Network } from '../network/libp2p.ts'
import type { JoinClient, PeerAddress } from '../pairing/join-client.ts'
import type { JoinService } from '../pairing/join-service.ts'
import type { MeshSighting } from '../pairing/nearby-meshes.ts'
import type { Peers } from '../routing/peers.ts'
import type { Candidate } from '../routing/rank.ts'
import type { Router } from '../routing/router.ts'
import type { Config } from '../settings/config.ts'
import type { UnderWay } from '../under-way.ts'

/** The key of this device, and its name. */
export interface Identity {
  readonly peerId: string
  readonly privateKey: PrivateKey
}

/** What a node has whatever mesh it is in. */
export interface NodeContext extends Identity {
  readonly config: Config
  readonly home: DataDir
  readonly clock: Clock
  readonly random: Random
  readonly log: NodeLogger
  readonly hardware: Hardware
  readonly registry: Registry
  /** Requests of peers that are answered here, whatever the mesh. */
  readonly served: UnderWay
  /** Powers besides those that every node has. */
  readonly features: readonly Feature[]
  readonly catalogue: Catalogue
  readonly network: Network
  readonly store: MeshStore
  readonly offers: ModelAccessStore
  readonly root: RootKey
  /** Make another key in place of the present one, for good. */
  newIdentity(): Promise<Identity>
  emit<N extends EventName>(name: N, data: EventData<N>): void
}

/** One mesh as this node takes part in it. */
export interface MeshSession {
  /** In the order in which the parts start; they stop in the reverse. */
  readonly lifecycle: readonly Lifecycle[]
  readonly libp2p: MeshLibp2p
  readonly members: Members
  readonly authority: Authority
  readonly revocations: RevocationSync
  readonly pairing: JoinService
  readonly joiner: JoinClient
  readonly peers: Peers
  readonly router: Router
  offers(): Candidate[]
  /** To whom this node's own models are offered. */
  readonly access: ModelAccess
  /** That has just changed: what is under way for those who may not any more ends, and peers are told. */
  accessChanged(): void
  /** What discovery on the local network saw and did. */
  discovery(): DiscoveryReport
  /** Devices of other meshes that were met. */
  sightings(): MeshSighting[]
  /** This device was removed from the mesh, as it has seen proven. */
  isRemoved(): boolean
  /** Members that say so. */
  saidRemoved(): readonly string[]
  /** Somebody is likely to be there. */
  sighted(door: PeerAddress): void
  /** Say hello once more to everyone who is connected. */
  greetAll(): Promise<void>
  /** This node's models or their state changed. */
  offerChanged(): void
  /** Peers are told to ask somebody else from now on. */
  refuseRequests(): void
}
