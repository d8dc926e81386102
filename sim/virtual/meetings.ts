/**
 * Whom a virtual node is connected to, by the rules of `node/network/discovery.ts` and
 * `node/membership/hello-service.ts`: redial whom it lost, ever more slowly, and say hello first.
 */

import { HELLO_TIMEOUT_MS } from '../../node/membership/hello-service.ts'
import { revocationsDigest } from '../../node/membership/members-core.ts'
import { BACKOFF_MS, redialAfterMs } from '../../node/network/redial.ts'
import type { Side } from './connection.ts'
import { peerIdOf } from './identities.ts'
import type { Life } from './life.ts'
import type { Message } from './messages.ts'

/** As gossipsub's `D_high`: what a node passes on goes to no more peers than this. */
const GOSSIP_PEERS_MAX = 12

export class Meetings {
  readonly #life: Life
  readonly #sides = new Map<number, Side>()
  readonly #failures = new Map<number, number>()
  readonly #waiting = new Map<number, ((side: Side | undefined) => void)[]>()
  /** Members that said hello on a connection that is still open. */
  readonly greeted: number[] = []
  /** Sides that gossip runs on. */
  readonly gossiping: Side[] = []
  /** Who is at the other end of each: read a thousand times as often, and so in one piece of memory. */
  readonly gossipPeers: number[] = []

  constructor(life: Life) {
    this.#life = life
  }

  get size(): number {
    return this.#sides.size
  }

  start(): void {
    for (const peer of this.#life.node.acquaintances)
      this.#dialSoon(peer, this.#life.world.random() * BACKOFF_MS)
  }

  /** An open connection to a peer that was greeted. */
  sideOf(peer: number): Side | undefined {
    const side = this.#sides.get(peer)
    return side?.greeted ? side : undefined
  }

  reach(peer: number, done: (side: Side | undefined) => void): void {
    const side = this.sideOf(peer)
    if (side !== undefined) {
      done(side)
      return
    }
    const waiting = this.#waiting.get(peer)
    if (waiting !== undefined) waiting.push(done)
    else this.#waiting.set(peer, [done])
    this.#dial(peer)
  }

  hangUp(peer: number): void {
    const side = this.#sides.get(peer)
    if (side !== undefined) this.#life.world.network.close(side)
  }

  onConnected(side: Side): void {
    this.#sides.set(side.peer, side)
    this.#life.after(HELLO_TIMEOUT_MS, () => {
      if (!side.greeted) this.#life.world.network.close(side)
    })
    const { current, members } = this.#life.records
    this.#life.send(side, { type: 'hello', manifest: current, digest: revocationsDigest(members) })
  }

  onHello(side: Side, { manifest, digest }: Extract<Message, { type: 'hello' }>): void {
    const { world, records, node } = this.#life
    const { peerId, certificates } = manifest.manifest
    if (peerId !== peerIdOf(side.peer) || !this.#life.records.admit(peerId, certificates)) {
      world.network.close(side)
      return
    }
    if (!side.greeted) {
      side.greeted = true
      this.greeted.push(side.peer)
      this.#gossipOn(side)
    }
    world.trace.note(world.nowMs, node.index, 'greeted', side.peer)
    this.#failures.delete(side.peer)
    this.#life.found(side.peer)
    this.#life.takeAndPassOn(manifest, 0)
    this.#life.pullStep({ type: 'met' })
    this.#life.pull(side.peer)
    if (digest !== revocationsDigest(records.members))
      this.#life.send(side, { type: 'pull-revocations', digest: revocationsDigest(records.members) })
    this.#answer(side.peer, side)
  }

  /** Gossip runs on a connection once both ends have said hello, and neither gossips with too many. */
  #gossipOn({ connection, node, peer }: Side): void {
    const [one, other] = connection.sides
    if (!one.greeted || !other.greeted) return
    const nodes = this.#life.world.nodes
    const ends = [nodes[node]!, nodes[peer]!].map(({ life }) => life?.meetings.gossiping)
    if (ends.some(gossiping => gossiping === undefined || gossiping.length >= GOSSIP_PEERS_MAX)) return
    connection.gossips = true
    for (const side of [one, other]) nodes[side.node]!.life!.meetings.#addGossip(side)
  }

  #addGossip(side: Side): void {
    this.gossiping.push(side)
    this.gossipPeers.push(side.peer)
  }

  onDisconnected(side: Side): void {
    const at = this.gossiping.indexOf(side)
    if (at !== -1) {
      this.gossiping.splice(at, 1)
      this.gossipPeers.splice(at, 1)
    }
    if (this.#sides.get(side.peer) !== side) return
    this.#sides.delete(side.peer)
    const { world, node } = this.#life
    world.trace.note(world.nowMs, node.index, 'disconnected', side.peer)
    if (side.greeted) {
      remove(this.greeted, side.peer)
      this.#life.lose(side.peer)
    }
    const failures = side.greeted ? 0 : (this.#failures.get(side.peer) ?? 0) + 1
    this.#failures.set(side.peer, failures)
    this.#answer(side.peer, undefined)
    this.#redial(side.peer)
  }

  #redial(peer: number): void {
    if (!this.#life.node.acquaintances.includes(peer)) return
    const failures = this.#failures.get(peer) ?? 0
    const away = [...this.#failures.values()].filter(count => count > 0).length
    this.#dialSoon(
      peer,
      redialAfterMs(failures, away, () => this.#life.world.random())
    )
  }

  #dialSoon(peer: number, delayMs: number): void {
    this.#life.after(delayMs, () => this.#dial(peer))
  }

  #dial(peer: number): void {
    if (this.#sides.has(peer)) return
    const { world, node } = this.#life
    world.trace.note(world.nowMs, node.index, 'dial', peer)
    const life = this.#life
    world.network.dial(node.index, peer, connection => {
      if (connection !== undefined || life.over) return
      this.#failures.set(peer, (this.#failures.get(peer) ?? 0) + 1)
      this.#answer(peer, undefined)
      this.#redial(peer)
    })
  }

  #answer(peer: number, side: Side | undefined): void {
    const waiting = this.#waiting.get(peer) ?? []
    this.#waiting.delete(peer)
    for (const done of waiting) done(side)
  }
}

function remove<T>(list: T[], item: T): void {
  const at = list.indexOf(item)
  if (at !== -1) list.splice(at, 1)
}
