/**
 * Brings every revocation to every member: gossip at once, a pull from each peer
 * that says hello with another set, so that it also arrives after a partition
 * has healed, and a comparison with a few peers every minute, because gossip may
 * lose it between two that stay connected.
 */

import { TopicValidatorResult } from '@libp2p/gossipsub'
import type { PeerId, Stream } from '@libp2p/interface'
import type { Clock, Random, Timer } from '../../interface/clock.ts'
import { LumosError, toLumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { openRevocation } from '../../protocols/membership/index.ts'
import {
  decodeRevocation,
  encodeRevocation,
  pullRevocations,
  REVOCATION_PROTOCOL,
  serveRevocations
} from '../../protocols/revocation/index.ts'
import type { Participation } from '../feature.ts'
import { PeerLines } from '../log/line-budget.ts'
import { Deadline } from '../network/deadline.ts'
import { REVOCATION_TOPIC, revocationTopic } from '../network/gossip.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import type { Guard } from './guard.ts'
import type { AcceptedPeer } from './hello-service.ts'
import type { Members, RevocationProof } from './members.ts'
import { EVERY_MEMBER } from './policy.ts'
import { REMOVALS_INTERVAL_MS, removalsFrom } from './revocation-schedule.ts'

/** An envelope and the certificate of its issuer, each under 4 KiB. */
const REVOCATION_BYTES_MAX = 64 * 1024
const PULL_TIMEOUT_MS = 10_000
const PULL_STREAMS_MAX = 2

export interface RevocationSyncComponents {
  readonly libp2p: MeshLibp2p
  readonly members: Members
  readonly guard: Guard
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
}

export class RevocationSync implements Participation {
  readonly #components: RevocationSyncComponents
  readonly #stopped = new AbortController()
  readonly #refused: PeerLines
  #timer: Timer | undefined

  readonly protocols = [
    {
      ids: REVOCATION_PROTOCOL,
      openers: EVERY_MEMBER,
      inboundMax: PULL_STREAMS_MAX,
      handle: (stream: Stream) => this.#onStream(stream)
    }
  ]
  readonly topics = [
    {
      name: REVOCATION_TOPIC,
      bytesMax: REVOCATION_BYTES_MAX,
      validate: (message: Uint8Array) => this.#onGossip(message)
    }
  ]

  constructor(components: RevocationSyncComponents) {
    this.#components = components
    this.#refused = new PeerLines(components.clock)
  }

  start(): void {
    this.#compareInAWhile()
  }

  stop(): void {
    this.#stopped.abort()
    this.#timer?.cancel()
  }

  /** Apply a revocation of our own making and tell everyone. */
  async publish(proof: RevocationProof): Promise<void> {
    const { libp2p, members, log } = this.#components
    if (!(await members.revoke(proof)) || libp2p.status !== 'started') return
    const topic = revocationTopic(members.mesh)
    await libp2p.services.pubsub.publish(topic, encodeRevocation(proof)).catch(err => {
      log.debug({ err }, 'gossip did not take the revocation; pulls will')
    })
  }

  /**
   * A peer refuses this node, and shows this as the reason: it counts if it is genuine. From a peer that is no member
   * here, what a removed admin signed does not count: members keep that, and any new key could be its way in.
   */
  async learn(bytes: Uint8Array, peerId: string): Promise<void> {
    const { members, guard } = this.#components
    try {
      const proof = decodeRevocation(bytes)
      const { issuer } = (await openRevocation(proof.envelope)).value
      if (!guard.isMember(peerId) && members.isRevoked(issuer, 'admin')) {
        throw new LumosError(
          'CERTIFICATE_INVALID',
          `${issuer} was removed, and removes no device by a stranger.`
        )
      }
      await this.publish(proof)
    } catch (thrown) {
      this.#warn(thrown, peerId)
    }
  }

  /** A peer that says hello holds the set with its digest: get what we lack. */
  async onMember({ connection, hello: { revocationsDigest } }: AcceptedPeer): Promise<void> {
    const { members } = this.#components
    if (revocationsDigest !== members.revocationsDigest) await this.#pull(connection.remotePeer)
  }

  #compareInAWhile(): void {
    const { libp2p, guard, clock, random } = this.#components
    this.#timer = clock.setTimer(() => {
      const members = libp2p.getPeers().filter(peerId => guard.isMember(peerId.toString()))
      for (const peerId of removalsFrom(members, random)) void this.#pull(peerId)
      this.#compareInAWhile()
    }, REMOVALS_INTERVAL_MS)
  }

  async #pull(peerId: PeerId): Promise<void> {
    const { libp2p, members, clock, log } = this.#components
    using deadline = new Deadline(clock, PULL_TIMEOUT_MS, this.#stopped.signal)
    try {
      const stream = await libp2p.dialProtocol(peerId, REVOCATION_PROTOCOL, deadline)
      const { signal } = deadline
      const options = { signal, digest: members.revocationsDigest }
      for await (const entry of pullRevocations(stream, options)) {
        await this.publish(entry).catch(err => this.#warn(err, peerId.toString()))
      }
    } catch (err) {
      if (!this.#stopped.signal.aborted) log.debug({ peerId: `${peerId}`, err }, 'could not pull revocations')
    }
  }

  #warn(thrown: unknown, peerId: string): void {
    if (!this.#refused.isDue(peerId)) return
    const { code } = toLumosError(thrown)
    this.#components.log.warn({ peerId, code }, 'a peer showed a revocation that is none')
  }

  #onStream = async (stream: Stream): Promise<void> => {
    const { members, clock, log } = this.#components
    using deadline = new Deadline(clock, PULL_TIMEOUT_MS, this.#stopped.signal)
    const held = { revocations: members.revocations(), digest: members.revocationsDigest }
    await serveRevocations(stream, held, deadline).catch(err => {
      log.debug({ err }, 'a pull by a peer failed')
    })
  }

  #onGossip = async (message: Uint8Array): Promise<TopicValidatorResult> => {
    try {
      const isNew = await this.#components.members.revoke(decodeRevocation(message))
      return isNew ? TopicValidatorResult.Accept : TopicValidatorResult.Ignore
    } catch (thrown) {
      this.#components.log.warn({ code: toLumosError(thrown).code }, 'a revocation was refused')
      return TopicValidatorResult.Reject
    }
  }
}
