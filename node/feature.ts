/**
 * A power of this node, as the composition of a mesh sees it: the protocols and topics that it brings, and what
 * it does when a member comes or goes. `mesh/participations.ts` registers and calls all of this.
 */

import type { TopicValidatorResult } from '@libp2p/gossipsub'
import type { PrivateKey, Stream, StreamHandler } from '@libp2p/interface'
import type * as z from 'zod'
import type { Catalogue, InstalledEngines, Registry } from '../capabilities/index.ts'
import type { Clock, Random } from '../interface/clock.ts'
import type { EventData, EventName, NodeEvents } from '../interface/events.ts'
import type { Inference, InferenceChunk } from '../interface/inference.ts'
import type { JobInfo } from '../interface/jobs.ts'
import type { AbortOptions, Logger, Startable } from '../interface/lifecycle.ts'
import type { Hardware, Manifest } from '../interface/manifest.ts'
import type { Access, Membership, Role } from '../interface/membership.ts'
import type { ProtocolTraffic } from '../interface/metrics.ts'
import type { InferOptions, NewInferenceRequest } from '../interface/node.ts'
import type { TaskName } from '../interface/tasks/index.ts'
import type { RecordKind } from '../protocols/wire/signed-record.ts'
import type { Database } from '../storage/database/database.ts'
import type { FeatureTables } from '../storage/database/feature-database.ts'
import type { Environment } from '../storage/home/home-path.ts'
import type { JobKind } from './jobs/job-kind.ts'
import type { Openers, Refuse } from './membership/guard.ts'
import type { AcceptedPeer } from './membership/hello-service.ts'
import type { Action } from './membership/policy.ts'
import type { Interfaces } from './network/address-order.ts'
import type { SeekOptions } from './network/dht-lookup.ts'

/**
 * A feature as it is declared: what the settings and the disk must know of it before its code is loaded. `name` is that
 * of its facet (`node.NAME`), of its settings' section, its database, its events and jobs (`NAME.…`), its folder in the
 * home and its part of the manifest.
 */
export interface FeatureDeclaration<Facet = unknown> {
  readonly name: string
  /** What its events and jobs are named by, where that is not its own name: pulls of weights are `model.pull`. */
  readonly domain?: string
  /** Of an object, each field is a setting; anything else is one setting, called as the feature is. */
  readonly settings?: z.ZodType
  /** Their types go into `EventSchemas` (`interface/events.ts`). */
  readonly events?: Readonly<Record<`${string}.${string}`, z.ZodType>>
  readonly tables?: FeatureTables
  /** Jobs of other features that it begins, such as `model.pull`. */
  readonly begins?: readonly string[]
  /** Imports the code of the feature, so that one that is off costs neither memory nor time. */
  create(components: FeatureComponents): Promise<Feature<Facet>>
}

/** What a feature may use of the node, whatever the mesh. */
export interface FeatureComponents extends Pick<NodeParts, 'clock' | 'random' | 'log'> {
  /** Its section, checked. */
  readonly settings: unknown
  /** Its tables, in a file of its own. Throws for a feature that declares none. */
  readonly database: Database
  /** The models of this device, and those that are served. */
  readonly catalogue: Catalogue
  readonly registry: Registry
  /** Those that are installed on request, and those that are stopped. */
  readonly engines: InstalledEngines
  readonly hardware: Hardware
  /** What the settings were read from: other programs' variables, such as those of proxies, count too. */
  readonly env: Environment
  /** A folder of its own in the home, which may not be there yet. */
  readonly directory: string
  /** To whom a model of this device is offered; nothing when it is withdrawn. */
  offeredTo(model: string): Access | undefined
  /** Models that the settings want loaded here. */
  readonly toServe: readonly string[]
  /** Begins a job of its own while the node runs. @throws {LumosError} where no more jobs are taken. */
  begin(kind: string, input: unknown): JobInfo
  /** A job now, and after each change until it has ended. @throws {LumosError} `JOB_UNKNOWN`. */
  watchJob(id: string, options?: AbortOptions): AsyncIterable<JobInfo>
  /** All events of the node. `forget`: memory gives none of those before this any more. */
  readonly events: NodeEvents & { forget(): void }
  /** One of its events. Throws for any other, and for data that its schema refuses. */
  emit: NodeParts['emit']
}

export interface Feature<Facet = unknown> {
  readonly name: string
  /** What programs call. */
  readonly facet?: Facet
  /** Names of the topics that it gossips on: the network of a mesh allows no others. */
  readonly topics?: readonly string[]
  /** Long work, begun by `node.jobs.begin`. Each kind has a name of its own, `NAME.…` or `DOMAIN.…`. */
  readonly jobs?: readonly JobKind[]
  /** Stands around what answers requests of peers. */
  around?(service: Inference): Inference
  /** Called once for each mesh that the node enters, before the network of that mesh starts. */
  join?(mesh: MeshContext): Participation
  /** The node ends. */
  close?(): Promise<void> | void
}

/** How a feature takes part in one mesh. It starts before the network, and stops after it. */
export interface Participation extends Partial<Startable> {
  readonly protocols?: readonly ProtocolService[]
  readonly topics?: readonly Topic[]
  /** Its part of this node's manifest, `MANIFEST_PART_BYTES_MAX` at most. `mesh.manifestChanged` announces another one. */
  manifest?(): Uint8Array | undefined
  /** What others find this node by in the DHT, as CIDs; the most wanted first. Asked after each announcement. */
  keys?(): readonly string[]
  /** A newer manifest of another member has come, with this part for the feature. A claim, as all of a manifest is. */
  onManifest?(peerId: string, part: Uint8Array | undefined): void
  /** Brings devices that are not there: one feature at most. */
  readonly waker?: Waker
  /** After the hello of a member, in the order of the features. */
  onMember?(met: AcceptedPeer): Promise<void> | void
  /** The last connection to this peer, a member or not, has closed. */
  onGone?(peerId: string): void
  /** The node is about to stop: refuse what is new. */
  refuse?(): void
}

/** A member that is not connected and can be woken, with what it offered when it was last heard of. */
export interface Asleep {
  readonly peerId: string
  readonly offered: Pick<Manifest, 'hardware' | 'onBattery' | 'capabilities'>
  /** How long that is expected to take. */
  readonly wakeMs: number
}

export interface Waker {
  asleep(): readonly Asleep[]
  /** Resolves once it can be asked. @throws {LumosError} `PEER_UNREACHABLE` where it does not come. */
  wakeFor(peerId: string, options: AbortOptions): Promise<void>
}

export interface ProtocolService {
  /** One id for each version. */
  readonly ids: readonly string[]
  /** Roles that may open it. A role that is not named here may not. */
  readonly openers: Openers
  /** Streams that one connection may have open. */
  readonly inboundMax: number
  readonly handle: StreamHandler
  /** Answers a removed device, where the protocol can say why it is refused. */
  readonly refuse?: Refuse
}

/** Members of every role pass messages on, so a topic names no roles: `validate` checks the author of each message. */
export interface Topic {
  readonly name: string
  /** A longer message counts against the peer that passes it on. */
  readonly bytesMax: number
  validate(message: Uint8Array): Promise<TopicValidatorResult>
}

/** What each part of a node gets, whatever the mesh. */
export interface NodeParts {
  /** This node. */
  readonly peerId: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  emit<N extends EventName>(name: N, data: EventData<N>): void
}

export interface Provider {
  readonly peerId: string
  readonly model: string
  /** Whether it goes on with an answer that another one began. */
  readonly resumes?: boolean
}

/** What a feature may use of one mesh. */
export interface MeshContext extends NodeParts {
  readonly meshId: string
  readonly members: {
    get(peerId: string): Membership | undefined
    list(): readonly Membership[]
    /** What a peer was when it was last known, member or not. */
    lastKnown(peerId: string): Membership | undefined
    /** Whether a device of that role was removed, whatever else is known of it. */
    isRevoked(peerId: string, role: Role): boolean
    /** Certificates of this device. */
    readonly own: { readonly chain: readonly Uint8Array[] }
    /** Devices that were removed from the mesh, as far as is known here. */
    removedBy(): readonly string[]
  }
  /** Of this device, for a thread that signs by itself. */
  readonly privateKey: PrivateKey
  /** @throws {LumosError} where the policy does not let this peer do that. */
  permit(peerId: string, action: Action): void
  /** What a peer says of itself, while that lives. */
  stated(peerId: string): Manifest | undefined
  /** The network interfaces of this device; none in a simulation. */
  interfaces(): Interfaces
  /** Whether a connection to the peer is open. */
  isConnected(peerId: string): boolean
  /** Of all connections since this mesh was entered. */
  traffic(): readonly ProtocolTraffic[]
  /** What `manifest` gives has changed. */
  manifestChanged(): void
  /**
   * Devices that do this task, this one included, the best first. Demonstrations are not among them, and models that send
   * what they are asked out of the mesh are only where `model` names them.
   */
  providers(task: TaskName, model?: string): readonly Provider[]
  /** Asks the mesh, as a program of this device does. */
  infer(request: NewInferenceRequest, options?: InferOptions): AsyncIterable<InferenceChunk>
  /** Asks this device, and no other. */
  ask(peerId: string, request: NewInferenceRequest, options?: AbortOptions): AsyncIterable<InferenceChunk>
  /** Has this device asked after the others for a while, for this model: its answers differ from those of two others. */
  distrust(peerId: string, model: string): void
  /** A stream to a peer, dialed when it is not connected. */
  open(peerId: string, protocols: readonly string[], options?: AbortOptions): Promise<Stream>
  /** Resolves once a connection to the peer is open. @throws where it cannot be dialed. */
  connect(peerId: string, options?: AbortOptions): Promise<void>
  /**
   * Looks in the DHT for devices under any of these keys, and connects. Their manifests have come when it resolves.
   *
   * @returns those that came. What they hold is theirs to show.
   */
  seek(keys: readonly string[], options?: SeekOptions): Promise<string[]>
  /** Signed by this device. */
  seal<S extends z.ZodType>(kind: RecordKind<S>, value: z.output<S>): Promise<Uint8Array>
  /** @param topic one that the feature names. */
  publish(topic: string, message: Uint8Array): Promise<void>
}
