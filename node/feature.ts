/**
 * A power of this node, as the composition of a mesh sees it: the protocols and topics that it brings, and what
 * it does when a member comes or goes. `mesh/participations.ts` registers and calls all of this.
 */

import type { TopicValidatorResult } from '@libp2p/gossipsub'
import type { Stream, StreamHandler } from '@libp2p/interface'
import type { Clock, Random } from '../interface/clock.ts'
import type { EventData, EventName } from '../interface/events.ts'
import type { AbortOptions, Logger, Startable } from '../interface/lifecycle.ts'
import type { Membership } from '../interface/membership.ts'
import type { Openers, Refuse } from './membership/guard.ts'
import type { Greeted } from './membership/hello-service.ts'
import type { Action } from './membership/policy.ts'

export interface Feature {
  readonly name: string
  /** Names of the topics that it gossips on: the network of a mesh allows no others. */
  readonly topics?: readonly string[]
  /** Called once for each mesh that the node enters, before the network of that mesh starts. */
  join(mesh: MeshContext): Participation
}

/** How a feature takes part in one mesh. It starts before the network, and stops after it. */
export interface Participation extends Partial<Startable> {
  readonly protocols?: readonly ProtocolService[]
  readonly topics?: readonly Topic[]
  /** After the hello of a member, in the order of the features. */
  onMember?(met: Greeted): Promise<void> | void
  /** The last connection to this peer, a member or not, has closed. */
  onGone?(peerId: string): void
  /** The node is about to stop: refuse what is new. */
  refuse?(): void
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

/** What a feature may use of one mesh. */
export interface MeshContext extends NodeParts {
  readonly meshId: string
  readonly members: { get(peerId: string): Membership | undefined; list(): readonly Membership[] }
  /** @throws {LumosError} where the policy does not let this peer do that. */
  permit(peerId: string, action: Action): void
  /** A stream to a peer, dialed when it is not connected. */
  open(peerId: string, protocols: readonly string[], options?: AbortOptions): Promise<Stream>
  /** @param topic one that the feature names. */
  publish(topic: string, message: Uint8Array): Promise<void>
}
