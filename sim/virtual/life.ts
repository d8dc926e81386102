/**
 * A virtual node from one start to its end, which may be a crash: all that it
 * holds in memory. It tells its cores what happens and does what they say, by
 * the rules of the shells in `node/`.
 */

import type { Capability, SignedManifest } from '../../interface/manifest.ts'
import {
  announceAfterMs,
  newPulls,
  PULL_TICK_MS,
  type PullEvent
} from '../../node/manifests/manifest-schedule.ts'
import { newerThan, versionsOf } from '../../node/manifests/provider-core.ts'
import { revocationsDigest } from '../../node/membership/members-core.ts'
import type { ProvenRevocation } from '../../node/membership/removals.ts'
import { REMOVALS_INTERVAL_MS } from '../../node/membership/revocation-schedule.ts'
import { NEWS_UNDER_WAY_MS } from '../../node/routing/peers.ts'
import type { Candidate } from '../../node/routing/rank.ts'
import { Asker } from './asker.ts'
import type { Side } from './connection.ts'
import type { Rumour } from './gossip.ts'
import { EPOCH_WALL_MS, nodeOf, peerIdOf } from './identities.ts'
import { Meetings } from './meetings.ts'
import type { Message } from './messages.ts'
import type { VirtualNode } from './node.ts'
import { Records } from './records.ts'
import { Server } from './server.ts'
import type { World } from './world.ts'

/** The cache is checkpointed now and then; what came since is lost when the power is. */
const CHECKPOINT_MS = 5000

export class Life {
  readonly world: World
  readonly node: VirtualNode
  readonly startedMs: number
  readonly pulls = newPulls()
  readonly records: Records
  readonly asker: Asker
  readonly server: Server
  readonly meetings: Meetings
  over = false
  /** Connected once, then not any more, since when. */
  readonly #lost = new Map<number, number>()

  constructor(world: World, node: VirtualNode) {
    this.world = world
    this.node = node
    this.startedMs = world.nowMs
    this.records = new Records(this)
    this.asker = new Asker(this)
    this.server = new Server(this)
    this.meetings = new Meetings(this)
  }

  start(): void {
    this.records.load()
    this.#announce()
    this.meetings.start()
    this.#every(PULL_TICK_MS, () => this.pullStep({ type: 'tick', peers: this.meetings.greeted }))
    this.#every(REMOVALS_INTERVAL_MS, () => this.#compareRemovals())
    if (this.node.mayCrash) this.#every(CHECKPOINT_MS, () => this.node.cache.sync())
  }

  /** Since this process began; no correction of a clock moves it. */
  get monotonicMs(): number {
    return this.world.nowMs - this.startedMs
  }

  get wallMs(): number {
    return EPOCH_WALL_MS + this.world.nowMs + this.node.skewMs
  }

  after(ms: number, task: () => void): void {
    this.world.after(ms, () => this.node.runIn(this, task))
  }

  #every(ms: number, task: () => void): void {
    const again = (): void => {
      task()
      this.world.after(ms, run)
    }
    const run = (): void => this.node.runIn(this, again)
    this.world.after(ms * this.world.random(), run)
  }

  #announce(): void {
    const manifest = this.records.renew()
    this.world.gossip.publish(this, manifest)
    this.after(announceAfterMs(manifest.manifest.ttlMs, this.world.random), () => this.#announce())
  }

  onRumour(rumour: Rumour): void {
    const { kind, value } = rumour
    const news =
      kind === 'manifest'
        ? this.#isOfOther(value as SignedManifest) && this.records.take(value as SignedManifest, 0)
        : this.records.revoke(value as ProvenRevocation)
    if (news) this.world.gossip.passOn(this, rumour)
  }

  #isOfOther({ manifest }: SignedManifest): boolean {
    return manifest.peerId !== peerIdOf(this.node.index)
  }

  /** What came otherwise than by gossip is gossiped on. */
  takeAndPassOn(signed: SignedManifest, ageMs: number): boolean {
    const news = this.#isOfOther(signed) && this.records.take(signed, ageMs)
    if (news) this.world.gossip.publish(this, signed)
    return news
  }

  #compareRemovals(): void {
    const { world, records, meetings } = this
    for (const peer of world.cores.removalsFrom(meetings.greeted, world.random)) {
      this.#sendTo(peer, { type: 'pull-revocations', digest: revocationsDigest(records.members) })
    }
  }

  pullStep(event: PullEvent<number>): void {
    const { world, node } = this
    for (const { peer } of world.cores.pulls(this.pulls, event, this.monotonicMs, world.random).effects) {
      world.trace.note(world.nowMs, node.index, 'pull', peer)
      this.pull(peer)
    }
  }

  pull(peer: number): void {
    this.#sendTo(peer, { type: 'pull', versions: versionsOf(this.records.providers) })
  }

  // Peers.

  /** As `offers` in `node/routing/provider-view.ts`. */
  offerOf(peerId: string, capability: Capability): Candidate | undefined {
    const peer = nodeOf(peerId)
    const standing = this.records.standingOf(peerId)
    if (this.#lost.has(peer) || standing.kind !== 'member' || standing.role === 'guest') return undefined
    const side = this.meetings.sideOf(peer)
    const local = peer === this.node.index
    const rttMs = side === undefined ? null : 2 * side.out.delayMs
    return { peerId, name: standing.name, local, connected: local || side !== undefined, rttMs, capability }
  }

  /** The way to a peer, which is dialed when it is not connected. */
  reach(peer: number, done: (side: Side | undefined) => void): void {
    this.meetings.reach(peer, side => {
      if (side === undefined) this.lose(peer)
      done(side)
    })
  }

  lose(peer: number): void {
    this.#lost.set(peer, this.world.nowMs)
  }

  found(peer: number): void {
    this.#lost.delete(peer)
  }

  /** A manifest of that node is news. */
  heardOf(peer: number): void {
    const lostMs = this.#lost.size > 0 ? this.#lost.get(peer) : undefined
    if (lostMs !== undefined && this.world.nowMs - lostMs > NEWS_UNDER_WAY_MS) this.#lost.delete(peer)
  }

  onDisconnected(side: Side): void {
    this.meetings.onDisconnected(side)
    this.asker.onLost(side)
    this.server.onLost(side)
  }

  send(side: Side, message: Message): void {
    this.world.network.send(side, message)
  }

  #sendTo(peer: number, message: Message): void {
    const side = this.meetings.sideOf(peer)
    if (side !== undefined) this.send(side, message)
  }

  onMessage(side: Side, message: Message): void {
    const { world, node, records } = this
    const { type } = message
    world.trace.note(world.nowMs, node.index, type, side.peer)
    if (type === 'hello') {
      this.meetings.onHello(side, message)
      return
    }
    // A dropper takes everything and gives nothing.
    if (node.role === 'dropper' && type !== 'manifests' && type !== 'revocations') return
    // The guard lets only members open streams, and hears nothing on those of others.
    if (records.standingOf(peerIdOf(side.peer)).kind !== 'member') return
    if (type === 'call') this.server.serve(side, message)
    else if (type === 'cancel') this.server.cancel(side, message.call)
    else if (type === 'chunk' || type === 'error') this.asker.onMessage(message)
    else if (type === 'pull') {
      const items = newerThan(records.providers, message.versions, this.monotonicMs)
      if (items.length > 0) this.send(side, { type: 'manifests', items })
    } else if (type === 'manifests') {
      for (const { signed, ageMs } of message.items) {
        if (this.takeAndPassOn(signed, ageMs)) this.pullStep({ type: 'pulled', ageMs })
      }
    } else if (type === 'pull-revocations') {
      const { members } = records
      if (message.digest !== revocationsDigest(members))
        this.send(side, { type: 'revocations', items: [...members.removals.kept.values()] })
    } else {
      for (const revocation of message.items) {
        if (records.revoke(revocation)) world.gossip.publish(this, revocation)
      }
    }
  }
}
