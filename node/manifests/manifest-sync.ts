/**
 * Brings the manifest of every member to every member. Three ways bring one: the hello on a new connection, gossip
 * (fast, may lose), and a pull on connecting and every minute after (slow, loses nothing). What came by hello or pull
 * is gossiped on: where one connection joins two halves of a mesh, both soon have all manifests.
 */

import { createHash } from 'node:crypto'
import { TopicValidatorResult } from '@libp2p/gossipsub'
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import type { Clock, Random, Timer } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { SignedManifest } from '../../interface/manifest.ts'
import {
  type AgedEnvelope,
  MANIFEST_BYTES_MAX,
  MANIFEST_PROTOCOL,
  openManifest,
  pullManifests,
  servePull
} from '../../protocols/manifest/index.ts'
import type { Participation } from '../feature.ts'
import { type AcceptedPeer, EVERY_MEMBER, type Guard } from '../membership/index.ts'
import { Deadline } from '../network/deadline.ts'
import { MANIFEST_TOPIC, manifestTopic } from '../network/gossip.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import type { Lives } from './lives.ts'
import { newPulls, PULL_TICK_MS, type PullEffect, type PullEvent, stepPulls } from './manifest-schedule.ts'
import type { ManifestVersion } from './provider-core.ts'
import type { ProviderTable } from './provider-table.ts'

const PULL_TIMEOUT_MS = 10_000
const PULL_STREAMS_MAX = 2

export interface ManifestSyncComponents {
  readonly libp2p: MeshLibp2p
  readonly table: ProviderTable
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly guard: Guard
  /** Id of the mesh. */
  readonly mesh: string
  own(): SignedManifest
  /** A manifest replaced an older one, or is the first of its peer. */
  onNews(signed: SignedManifest): void
  readonly lives: Pick<Lives, 'onSeen' | 'onStated' | 'onEquivocated'>
  /** The newest manifest of a peer that was ever kept, dead ones too. */
  kept(peerId: string): Uint8Array | undefined
  /** Whether the peer that a manifest is about is a member; throws when not. */
  admit(signed: SignedManifest): Promise<unknown>
}

export class ManifestSync implements Participation {
  readonly #components: ManifestSyncComponents
  readonly #stopped = new AbortController()
  #timer: Timer | undefined
  readonly #judged = new SeenEnvelopes()
  readonly #pulls = newPulls()

  readonly protocols = [
    {
      ids: MANIFEST_PROTOCOL,
      openers: EVERY_MEMBER,
      inboundMax: PULL_STREAMS_MAX,
      handle: (stream: Stream, connection: Connection) => this.#onPullStream(stream, connection)
    }
  ]
  readonly topics = [
    {
      name: MANIFEST_TOPIC,
      bytesMax: MANIFEST_BYTES_MAX,
      validate: (message: Uint8Array) => this.#onGossip(message)
    }
  ]

  constructor(components: ManifestSyncComponents) {
    this.#components = components
  }

  start(): void {
    this.#pullInAWhile()
  }

  stop(): void {
    this.#stopped.abort()
    this.#timer?.cancel()
  }

  async publish(signed: SignedManifest): Promise<void> {
    const { table, clock, lives } = this.#components
    table.accept(signed, 0, clock.monotonicMs())
    lives.onSeen(signed)
    await this.#gossip(signed)
  }

  async #gossip({ envelope }: SignedManifest): Promise<void> {
    const { libp2p, mesh, log } = this.#components
    if (libp2p.status !== 'started') return
    await libp2p.services.pubsub.publish(manifestTopic(mesh), envelope).catch(err => {
      log.debug({ err }, 'gossip did not take the manifest; pulls will')
    })
  }

  #onPullStream = async (stream: Stream, { remotePeer }: Connection): Promise<void> => {
    const { clock, log } = this.#components
    using deadline = new Deadline(clock, PULL_TIMEOUT_MS, this.#stopped.signal)
    await servePull(stream, held => this.#newerThan(held, `${remotePeer}`), deadline).catch(err => {
      log.debug({ err }, 'a pull by a peer failed')
    })
  }

  /**
   * What the puller lacks, and its own newest manifest where it states an older number: its home may be from a
   * backup, and only its own signature shows it so.
   */
  #newerThan(held: readonly ManifestVersion[], puller: string): AgedEnvelope[] {
    const { table, clock, kept, lives } = this.#components
    const newer = table.newerThan(held, clock.monotonicMs())
    const stated = held.find(({ peerId }) => peerId === puller)
    if (stated === undefined) return newer
    lives.onStated(stated)
    const envelope = table.isBehind(stated) ? kept(puller) : undefined
    return envelope === undefined ? newer : [{ envelope, ageMs: 0 }, ...newer]
  }

  /** A peer was accepted: take its manifest, and ask it for those of others. */
  async onMember({ connection, manifest }: AcceptedPeer): Promise<void> {
    await this.#takeAndPassOn(manifest, 0)
    // What either side says before gossip is up between the two comes by the next rounds of pulls.
    this.#step({ type: 'met' })
    void this.#pull(connection.remotePeer)
  }

  /** Ask one peer for all that is newer there. */
  async #pull(peerId: PeerId): Promise<void> {
    const { libp2p, table, clock, log } = this.#components
    using deadline = new Deadline(clock, PULL_TIMEOUT_MS, this.#stopped.signal)
    try {
      const stream = await libp2p.dialProtocol(peerId, MANIFEST_PROTOCOL, deadline)
      for await (const { envelope, ageMs } of pullManifests(stream, table.versions(), deadline)) {
        if (this.#judged.has(envelope)) continue
        // One bad manifest is no reason to miss the good ones behind it.
        const signed = await openManifest(envelope).catch(this.#refused)
        if (signed && (await this.#takeAndPassOn(signed, ageMs))) this.#step({ type: 'pulled', ageMs })
      }
    } catch (err) {
      if (!this.#stopped.signal.aborted) log.debug({ peerId: `${peerId}`, err }, 'could not pull manifests')
    }
  }

  /** A round of pulls every minute, and sooner while there is reason to; see `manifest-schedule.ts`. */
  #pullInAWhile(): void {
    const { clock, libp2p, guard } = this.#components
    this.#timer = clock.setTimer(() => {
      this.#pullInAWhile()
      const peers = libp2p.getPeers().filter(peerId => guard.isMember(peerId.toString()))
      for (const { peer } of this.#step({ type: 'tick', peers })) void this.#pull(peer)
    }, PULL_TICK_MS)
  }

  #step(event: PullEvent<PeerId>): readonly PullEffect<PeerId>[] {
    const { clock, random } = this.#components
    return stepPulls(this.#pulls, event, clock.monotonicMs(), random).effects
  }

  /**
   * An old manifest is ignored and not punished: gossip brings it to every peer all the time. Only what cannot come
   * from an honest peer counts against the sender.
   */
  #onGossip = async (message: Uint8Array): Promise<TopicValidatorResult> => {
    if (this.#judged.has(message)) return TopicValidatorResult.Ignore
    try {
      return (await this.#take(await openManifest(message), 0))
        ? TopicValidatorResult.Accept
        : TopicValidatorResult.Ignore
    } catch (thrown) {
      this.#refused(thrown)
      return TopicValidatorResult.Reject
    }
  }

  /** @returns whether it was new. */
  async #takeAndPassOn(signed: SignedManifest, ageMs: number): Promise<boolean> {
    const isNew = await this.#take(signed, ageMs)
    if (isNew) void this.#gossip(signed)
    return isNew
  }

  /** @returns whether it was new. */
  async #take(signed: SignedManifest, ageMs: number): Promise<boolean> {
    const { table, clock, onNews, lives, own, admit } = this.#components
    if (signed.manifest.peerId === own().manifest.peerId) {
      lives.onSeen(signed)
      return false
    }
    try {
      await admit(signed)
      this.#judged.add(signed.envelope)
      lives.onSeen(signed)
      if (!table.accept(signed, ageMs, clock.monotonicMs())) return false
    } catch (thrown) {
      this.#refused(thrown)
      if (isEquivocation(thrown)) lives.onEquivocated(signed.manifest.peerId)
      return false
    }
    onNews(signed)
    return true
  }

  #refused = (thrown: unknown): undefined => {
    const { log } = this.#components
    if (thrown instanceof LumosError) {
      const serious = thrown.code !== 'MANIFEST_STALE'
      log[serious ? 'warn' : 'debug']({ code: thrown.code, why: thrown.message }, 'a manifest was refused')
    } else {
      log.error({ err: thrown }, 'a manifest could not be read')
    }
  }
}

const isEquivocation = (thrown: unknown): boolean =>
  thrown instanceof LumosError && thrown.code === 'MANIFEST_EQUIVOCATED'

/** Twice the peers a node keeps: each has one manifest that lives, and one that just did. */
const ENVELOPES_SEEN_MAX = 8192

/** Envelopes that were verified before: what is known needs no second look, and a signature costs most of one. */
class SeenEnvelopes {
  readonly #digests = new Set<string>()

  has(envelope: Uint8Array): boolean {
    return this.#digests.has(digestOf(envelope))
  }

  add(envelope: Uint8Array): void {
    this.#digests.add(digestOf(envelope))
    if (this.#digests.size > ENVELOPES_SEEN_MAX) this.#digests.delete(this.#digests.values().next().value!)
  }
}

const digestOf = (envelope: Uint8Array): string => createHash('sha256').update(envelope).digest('base64')
