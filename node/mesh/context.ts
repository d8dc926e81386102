/** Two scopes: `NodeContext` lives as long as the node, `MeshSession` as long as its part in one mesh. */

import type { PrivateKey } from '@libp2p/interface'
import type { Catalogue, InstalledEngines, Registry } from '../../capabilities/index.ts'
import type { DiscoveryReport } from '../../interface/discovery.ts'
import type { Lifecycle } from '../../interface/lifecycle.ts'
import type { Hardware } from '../../interface/manifest.ts'
import type { DataDir } from '../../storage/home/data-dir.ts'
import type { MeshStore } from '../../storage/mesh/mesh-store.ts'
import type { Feature, NodeParts } from '../feature.ts'
import type { NodeLogger } from '../log/log.ts'
import type {
  Authority,
  ClockApart,
  Members,
  ModelAccess,
  RevocationSync,
  RootKey
} from '../membership/index.ts'
import type { MeshLibp2p, Network } from '../network/libp2p.ts'
import type { MeshPairing, PeerAddress } from '../pairing/index.ts'
import type { MeshRouting } from '../routing/index.ts'
import type { Serving } from '../serving/index.ts'
import type { Config } from '../settings/config.ts'
import type { UnderWay } from '../under-way.ts'

/** The key of this device, and its name. */
export interface Identity {
  readonly peerId: string
  readonly privateKey: PrivateKey
}

/** What a node has whatever mesh it is in. */
export interface NodeContext extends NodeParts, Identity {
  readonly config: Config
  readonly home: DataDir
  readonly log: NodeLogger
  readonly hardware: Hardware
  readonly registry: Registry
  /** Requests of peers that are answered here. */
  readonly served: UnderWay
  readonly serving: Serving
  /** In the order in which they take up a member, after those that every mesh needs. */
  readonly features: readonly Feature[]
  readonly catalogue: Catalogue
  readonly engines: InstalledEngines
  readonly network: Network
  readonly store: MeshStore
  /** To whom this node's own models are offered. */
  readonly access: ModelAccess
  readonly root: RootKey
  /** Make another key in place of the present one, for good. */
  newIdentity(): Promise<Identity>
}

/** One mesh as this node takes part in it. */
export interface MeshSession {
  /** In the order in which the parts start; they stop in the reverse. */
  readonly lifecycle: readonly Lifecycle[]
  readonly libp2p: MeshLibp2p
  readonly members: Members
  readonly authority: Authority
  readonly revocations: RevocationSync
  readonly pairing: MeshPairing
  readonly routing: MeshRouting
  /** What discovery on the local network saw and did. */
  discovery(): DiscoveryReport
  /** This device was removed from the mesh, as it has seen proven. */
  isRemoved(): boolean
  /** Members that say so. */
  saidRemoved(): readonly string[]
  /** Two homes were lately seen to use the key of this peer, or of this node. */
  isDuplicated(peerId: string): boolean
  /** The home is a copy, or from a backup: it did not know what its device had signed. */
  wasBehind(): boolean
  /** Connected members whose clock and this one disagree. */
  clocksApart(): readonly ClockApart[]
  /** A member is likely to be there. */
  sighted(place: PeerAddress): void
  /** Say hello once more to every peer that is connected. */
  sayHelloToAll(): Promise<void>
  /** Ask the admins that are connected for a certificate with this name. */
  askForName(name: string): Promise<void>
  /** This node's models, their state or to whom they are offered changed. */
  offerChanged(): void
  /** Peers are told to ask another one from now on. */
  refuseRequests(): void
}
