/**
 * A virtual node from one start to its end, which may be a crash: all that it
 * holds in memory. It tells its cores what happens and does what they say, by
 * the rules of the shells in `node/`.
 */

import type { Capability, SignedManifest } from '../../interface/manifest.ts'
import {
  announceAfterMs,
  manifestTtlMs,
  newPulls,
  PULL_TICK_MS,
  type PullEvent,
  REMOVALS_INTERVAL_MS
} from '../../node/manifest-schedule.ts'
import {
  type MembersEvent,
  newMembers,
  type ProvenRevocation,
  sameChain,
  standingOf
} from '../../node/membership/members-core.ts'
import type { Standing } from '../../node/membership/policy.ts'
import { NEWS_UNDER_WAY_MS } from '../../node/peers.ts'
import { newerThan, newProviders, versionsOf } from '../../node/provider-core.ts'
import type { Offer } from '../../node/rank.ts'
import { SEQUENCE_BLOCK } from '../../storage/manifest-log.ts'
import { Asker } from './asker.ts'
import type { Rumour } from './gossip.ts'
import { MESH, manifestOf, nodeOf, peerIdOf } from './identities.ts'
import { Meetings } from './meetings.ts'
import type { CallMessage, Message } from './messages.ts'
import type { Side } from './network.ts'
import type { VirtualNode } from './node.ts'
import { Server } from './server.ts'
import { WALL_MS, type World } from './world.ts'

/** The cache is checkpointed now and then; what came since is lost when the power is. */
const CHECKPOINT_MS = 5000

export class Life {
  readonly world: World
  readonly node: VirtualNode
  readonly startedMs: number
  readonly members = newMembers(MESH)
  readonly providers = newProviders()
  readonly pulls = newPulls()
  readonly asker: Asker
  readonly server: Server
  readonly meetings: Meetings
  over = false
  current!: SignedManifest
  /** Connected once, then not any more, since when. */
  readonly #lost = new Map<number, number>()
  #nextSequence = 0
  #reserved = 0

  constructor(world: World, node: VirtualNode) {
    this.world = world
    this.node = node
    this.startedMs = world.nowMs
    this.asker = new Asker(this)
    this.server = new Server(this)
    this.meetings = new Meetings(this)
  }

  start(): void {
    this.#load()
    this.announce()
    this.meetings.start()
    this.every(PULL_TICK_MS, this.#tick)
    this.every(REMOVALS_INTERVAL_MS, this.#compareRemovals)
    if (this.node.mayCrash) this.every(CHECKPOINT_MS, () => this.node.cache.sync())
  }

  /** Since this process began; no correction of a clock moves it. */
  get monotonicMs(): number {
    return this.world.nowMs - this.startedMs
  }

  get wallMs(): number {
    return WALL_MS + this.world.nowMs + this.node.skewMs
  }

  readonly peerIdOf = peerIdOf
  readonly nodeOf = nodeOf

  after(ms: number, task: () => void): void {
    this.world.after(ms, () => this.node.runIn(this, task))
  }

  every(ms: number, task: () => void): void {
    const again = (): void => {
      task()
      this.world.after(ms, run)
    }
    const run = (): void => this.node.runIn(this, again)
    this.world.after(ms * this.world.random(), run)
  }

  #load(): void {
    const { disk, cache, index } = this.node
    for (const revocation of disk.values()) {
      if (typeof revocation === 'object') this.#membersStep({ type: 'revocation-stored', revocation })
    }
    this.admit(peerIdOf(index), this.world.identities.chainOf(index))
    for (const { manifest, hash } of cache.values()) {
      const { peerId, epoch, sequence } = manifest
      const version = { peerId, epoch, sequence, hash }
      this.world.cores.providers(this.providers, { type: 'remember', version }, 0, this.world.random)
    }
    this.world.checker.restarted(this)
  }

  // Manifests.

  announce(): void {
    if (this.#nextSequence === this.#reserved) this.#reserve()
    const { index, capabilities, epoch } = this.node
    const ttlMs = manifestTtlMs(this.members.known.size)
    this.current = manifestOf({
      node: index,
      epoch,
      sequence: this.#nextSequence++,
      ttlMs,
      capabilities,
      chain: this.world.identities.chainOf(index),
      content: 0
    })
    this.world.checker.announced(index, this.current)
    this.takeManifest(this.current, 0)
    this.world.gossip.publish(this, this.current)
    this.after(announceAfterMs(ttlMs, this.world.random), this.#announceAgain)
  }

  readonly #announceAgain = (): void => this.announce()

  #reserve(): void {
    const free = this.node.disk.get('sequence')
    this.#nextSequence = typeof free === 'number' ? free : 1
    this.#reserved = this.#nextSequence + SEQUENCE_BLOCK
    this.commit('sequence', this.#reserved)
  }

  /** Write what must never be lost, and go on only once it is on disk. */
  commit(key: string, value: number | ProvenRevocation): void {
    this.node.disk.write(key, value)
    if (this.world.cores.commitsAreSynced) this.node.disk.sync()
  }

  /** @returns whether it was news. */
  takeManifest(signed: SignedManifest, ageMs: number): boolean {
    const { world, node } = this
    const { peerId, certificates } = signed.manifest
    if (!this.admit(peerId, certificates)) return false
    const event = { type: 'manifest', signed, ageMs } as const
    const [effect] = world.cores.providers(this.providers, event, this.monotonicMs, world.random).effects
    if (effect?.type !== 'news') {
      if (effect !== undefined) world.trace.note(world.nowMs, node.index, effect.code, nodeOf(peerId))
      return false
    }
    world.checker.accepted(node.index, signed)
    if (node.mayCrash) node.cache.write(peerId, signed)
    const about = nodeOf(peerId)
    const lostMs = this.#lost.size > 0 ? this.#lost.get(about) : undefined
    if (lostMs !== undefined && world.nowMs - lostMs > NEWS_UNDER_WAY_MS) this.#lost.delete(about)
    return true
  }

  onRumour(rumour: Rumour): void {
    const { kind, value } = rumour
    const news =
      kind === 'manifest' ? this.#heard(value as SignedManifest) : this.revoke(value as ProvenRevocation)
    if (news) this.world.gossip.passOn(this, rumour)
  }

  #heard(signed: SignedManifest): boolean {
    return signed.manifest.peerId !== peerIdOf(this.node.index) && this.takeManifest(signed, 0)
  }

  /** What came otherwise than by gossip is gossiped on. */
  takeAndPassOn(signed: SignedManifest, ageMs: number): boolean {
    if (signed.manifest.peerId === peerIdOf(this.node.index)) return false
    const news = this.takeManifest(signed, ageMs)
    if (news) this.world.gossip.publish(this, signed)
    return news
  }

  readonly #compareRemovals = (): void => {
    const { world, members, meetings } = this
    for (const peer of world.cores.removalsFrom(meetings.greeted, world.random)) {
      const side = meetings.sideOf(peer)
      if (side !== undefined) this.send(side, { type: 'pull-revocations', digest: members.digest })
    }
  }

  readonly #tick = (): void => this.pullStep({ type: 'tick', peers: this.meetings.greeted })

  pullStep(event: PullEvent<number>): void {
    const { world, node } = this
    for (const { peer } of world.cores.pulls(this.pulls, event, this.monotonicMs, world.random).effects) {
      world.trace.note(world.nowMs, node.index, 'pull', peer)
      this.pull(peer)
    }
  }

  pull(peer: number): void {
    const side = this.meetings.sideOf(peer)
    if (side !== undefined) this.send(side, { type: 'pull', versions: versionsOf(this.providers) })
  }

  // Members.

  /** @returns whether the peer is a member. */
  admit(peerId: string, chain: readonly Uint8Array[]): boolean {
    const known = this.members.known.get(peerId)
    if (known !== undefined && sameChain(known.chain, chain) && this.standingOf(peerId).kind === 'member')
      return true
    const certificates = this.world.identities.open(chain)
    const [effect] = this.#membersStep({ type: 'admit', peerId, certificates, chain })
    if (effect?.type !== 'store-member') return effect?.type === 'admitted'
    this.#membersStep({ type: 'member-stored', membership: effect.membership, chain })
    return true
  }

  standingOf(peerId: string): Standing {
    return standingOf(this.members, peerId, this.wallMs)
  }

  isMember(node: number): boolean {
    return this.standingOf(peerIdOf(node)).kind === 'member'
  }

  /** @returns whether it was news. */
  revoke(revocation: ProvenRevocation): boolean {
    const { issuerCertificate } = revocation
    const [revoker] = issuerCertificate === null ? [] : this.world.identities.open([issuerCertificate])
    const [effect] = this.#membersStep({ type: 'revoke', revocation, revoker })
    if (effect?.type !== 'store-revocation') return false
    this.commit(revocation.hash, revocation)
    this.world.checker.acknowledged(this.node.index, revocation)
    this.#membersStep({ type: 'revocation-stored', revocation })
    return true
  }

  #membersStep(event: MembersEvent) {
    const { world, node } = this
    world.trace.note(world.nowMs, node.index, `members ${event.type}`, 0)
    const { effects } = world.cores.members(this.members, event, this.wallMs, world.random)
    for (const effect of effects) {
      const about = 'peerId' in effect ? nodeOf(effect.peerId) : 0
      world.trace.note(world.nowMs, node.index, `members → ${effect.type}`, about)
      if (effect.type === 'cut-off') this.meetings.hangUp(nodeOf(effect.peerId))
    }
    return effects
  }

  // Peers.

  /** As `offers` in `node/mesh/asking.ts`. */
  offerOf(peerId: string, name: string, capability: Capability): Offer | undefined {
    const peer = nodeOf(peerId)
    const standing = this.standingOf(peerId)
    if (this.#lost.has(peer) || standing.kind !== 'member' || standing.role === 'guest') return undefined
    const side = this.meetings.sideOf(peer)
    const local = peer === this.node.index
    const rttMs = side === undefined ? null : 2 * side.out.delayMs
    return { peerId, name, local, connected: local || side !== undefined, rttMs, capability }
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

  onConnected(side: Side): void {
    this.meetings.onConnected(side)
  }

  onDisconnected(side: Side): void {
    this.meetings.onDisconnected(side)
    this.asker.onLost(side)
    this.server.onLost(side)
  }

  send(side: Side, message: Message): void {
    this.world.network.send(side, message)
  }

  onMessage(side: Side, message: Message): void {
    const { world, node } = this
    world.trace.note(world.nowMs, node.index, message.type, side.peer)
    if (message.type === 'hello') {
      this.meetings.onHello(side, message)
      return
    }
    // A dropper takes everything and gives nothing.
    if (node.role === 'dropper' && message.type !== 'manifests' && message.type !== 'revocations') return
    // The guard lets only members open streams, and hears nothing on those of others.
    if (!this.isMember(side.peer)) return
    if (isCall(message)) this.#onCall(side, message)
    else this.#onSync(side, message)
  }

  #onCall(side: Side, message: CallMessage): void {
    if (message.type === 'call') this.server.serve(side, message)
    else if (message.type === 'cancel') this.server.cancel(side, message.call)
    else this.asker.onMessage(message)
  }

  #onSync(side: Side, message: Exclude<Message, CallMessage | { type: 'hello' }>): void {
    switch (message.type) {
      case 'pull': {
        const items = newerThan(this.providers, message.versions, this.monotonicMs)
        if (items.length > 0) this.send(side, { type: 'manifests', items })
        return
      }
      case 'manifests':
        for (const { signed, ageMs } of message.items) {
          if (this.takeAndPassOn(signed, ageMs)) this.pullStep({ type: 'pulled', ageMs })
        }
        return
      case 'pull-revocations':
        if (message.digest === this.members.digest) return
        this.send(side, { type: 'revocations', items: [...this.members.revocations.values()] })
        return
      case 'revocations':
        for (const revocation of message.items) {
          if (this.revoke(revocation)) this.world.gossip.publish(this, revocation)
        }
    }
  }
}

const isCall = (message: Message): message is CallMessage =>
  message.type === 'call' || message.type === 'chunk' || message.type === 'error' || message.type === 'cancel'
