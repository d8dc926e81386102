/**
 * The network of a virtual world: links that delay and lose, one direction at a
 * time, and the connections on them.
 *
 * A stream keeps its order and loses nothing while its connection lives: a lost
 * packet shows as delay. Over a blocked link nothing comes through; what was sent
 * waits, and after a while each side gives the connection up for itself.
 */

import type { Random } from '../../interface/clock.ts'
import { DIAL_TIMEOUT_MS, PING_INTERVAL_MS } from '../../node/network/libp2p.ts'
import { PING_TIMEOUT_MS } from '../../node/network/liveness.ts'
import { DIAL_ROUND_TRIPS } from '../../node/routing/rank.ts'
import { RETRANSMIT_MS } from '../network/link.ts'
import type { Connection, Link, Side } from './connection.ts'
import type { World } from './world.ts'

/** What happens at one moment happens in any order; what a stream carries does not. */
const ORDER_MS = 1e-6

interface Delivery {
  readonly side: Side
  readonly message: unknown
}

export class Network {
  readonly #world: World
  readonly #random: Random
  readonly #links = new Map<number, Link>()
  readonly #connections = new Map<number, Connection>()
  readonly #partitions: ReadonlySet<number>[] = []
  #last = 0

  constructor(world: World, random: Random) {
    this.#world = world
    this.#random = random
  }

  link(from: number, to: number): Link {
    const key = from * this.#world.nodes.length + to
    let link = this.#links.get(key)
    if (link === undefined) {
      const { delayMs, jitterMs, lossRate } = this.#world.plan.link
      // No two links are alike.
      const factor = 0.5 + this.#random()
      link = { from, to, delayMs: delayMs * factor, jitterMs, lossRate, blocks: 0 }
      this.#links.set(key, link)
    }
    return link
  }

  /** What one packet takes; `undefined` when it is lost. */
  packetMs(link: Link): number | undefined {
    const { delayMs, jitterMs, lossRate } = link
    if (this.#isBlocked(link) || (lossRate > 0 && this.#random() < lossRate)) return undefined
    return delayMs + jitterMs * this.#random()
  }

  #isBlocked({ blocks, from, to }: Link): boolean {
    return blocks > 0 || this.#partitions.some(inside => inside.has(from) !== inside.has(to))
  }

  #streamMs({ delayMs, jitterMs, lossRate }: Link): number {
    let ms = delayMs + jitterMs * this.#random()
    // Beyond that the connection is dead.
    for (let waitMs = RETRANSMIT_MS; ms <= PING_TIMEOUT_MS && this.#random() < lossRate; waitMs *= 2)
      ms += waitMs
    return ms
  }

  connectionOf(a: number, b: number): Connection | undefined {
    return this.#connections.get(this.#pair(a, b))
  }

  /** `done` is told whether there is a connection now. */
  dial(from: number, to: number, done: (connection: Connection | undefined) => void): void {
    const world = this.#world
    const [out, back] = [this.link(from, to), this.link(to, from)]
    const target = world.nodes[to]!
    const unreachable = this.#isBlocked(out) || this.#isBlocked(back) || target.isGone
    const tripMs = this.#streamMs(out) + this.#streamMs(back)
    const tookMs = unreachable
      ? DIAL_TIMEOUT_MS
      : target.life === undefined
        ? tripMs
        : DIAL_ROUND_TRIPS * tripMs
    world.after(tookMs, () => {
      const lost = unreachable || this.#isBlocked(out) || this.#isBlocked(back)
      if (lost || target.life === undefined || world.nodes[from]!.life === undefined) done(undefined)
      else done(this.#connect(from, to, out, back))
    })
  }

  #connect(from: number, to: number, out: Link, back: Link): Connection {
    const known = this.connectionOf(from, to)
    if (known?.isOpen[0] && known.isOpen[1]) return known
    // One end may not have noticed yet that the old one is dead.
    if (known !== undefined) this.drop(known)
    const sides: [Side, Side] = [
      { connection: undefined as never, end: 0, node: from, peer: to, out, greeted: false },
      { connection: undefined as never, end: 1, node: to, peer: from, out: back, greeted: false }
    ]
    const connection: Connection = {
      number: ++this.#last,
      sides,
      isOpen: [true, true],
      arrivesMs: [0, 0],
      held: [[], []],
      gossips: false
    }
    for (const side of sides) (side as { connection: Connection }).connection = connection
    this.#connections.set(this.#pair(from, to), connection)
    for (const side of sides) this.#world.nodes[side.node]!.run(life => life.meetings.onConnected(side))
    return connection
  }

  send(side: Side, message: unknown): void {
    const { connection, end, out } = side
    if (!connection.isOpen[end]) return
    if (this.#isBlocked(out)) {
      connection.held[end].push(message)
      return
    }
    const world = this.#world
    const ms = this.#streamMs(out)
    // No ping comes through either.
    if (ms > PING_TIMEOUT_MS) this.#dieLater(connection, true)
    const atMs = Math.max(world.nowMs + ms, connection.arrivesMs[end] + ORDER_MS)
    connection.arrivesMs[end] = atMs
    world.queue.push(atMs, this.#deliver, { side: connection.sides[1 - end]!, message })
  }

  readonly #deliver = ({ side, message }: Delivery): void => {
    if (!side.connection.isOpen[side.end]) return
    this.#world.nodes[side.node]!.run(life => {
      if (side.connection.isOpen[side.end]) life.onMessage(side, message as never)
    })
  }

  /** This end closes; the other one hears of it when what was sent before has arrived. */
  close(side: Side): void {
    const { connection, end, out } = side
    if (!connection.isOpen[end]) return
    this.#end(connection, end)
    if (this.#isBlocked(out)) {
      this.#dieLater(connection)
      return
    }
    const world = this.#world
    const atMs = Math.max(world.nowMs + this.#streamMs(out), connection.arrivesMs[end] + ORDER_MS)
    world.queue.push(atMs, this.#onClose, connection)
  }

  readonly #onClose = (connection: Connection): void => this.drop(connection)

  /** Both ends know that it is over. */
  drop(connection: Connection): void {
    this.#end(connection, 0)
    this.#end(connection, 1)
  }

  #end(connection: Connection, end: 0 | 1): void {
    if (!connection.isOpen[end]) return
    connection.isOpen[end] = false
    connection.held[end].length = 0
    const side = connection.sides[end]
    this.#world.nodes[side.node]!.run(life => life.onDisconnected(side))
    if (connection.isOpen[1 - end]) return
    const pair = this.#pair(side.node, side.peer)
    if (this.#connections.get(pair) === connection) this.#connections.delete(pair)
  }

  /** The node's process ended: its system closes what it had open, or, without power, nobody does. */
  lose(node: number, isGone: boolean): void {
    for (const connection of [...this.#connections.values()]) {
      const end = connection.sides.findIndex(side => side.node === node)
      if (end === -1) continue
      connection.isOpen[end] = false
      if (isGone) this.#dieLater(connection)
      else
        this.#world.queue.push(
          this.#world.nowMs + this.#streamMs(connection.sides[end]!.out),
          this.#onClose,
          connection
        )
    }
  }

  block(from: number, to: number): void {
    this.link(from, to).blocks++
    const connection = this.connectionOf(from, to)
    if (connection !== undefined) this.#dieLater(connection)
  }

  unblock(from: number, to: number): void {
    const link = this.link(from, to)
    link.blocks--
    const connection = this.connectionOf(from, to)
    if (connection !== undefined) this.#flush(connection.sides.find(({ node }) => node === from)!)
  }

  /** These can reach nobody else, nor be reached. */
  separate(inside: ReadonlySet<number>): void {
    this.#partitions.push(inside)
    for (const connection of this.#across(inside)) this.#dieLater(connection)
  }

  rejoin(inside: ReadonlySet<number>): void {
    this.#partitions.splice(this.#partitions.indexOf(inside), 1)
    for (const { sides } of this.#across(inside)) for (const side of sides) this.#flush(side)
  }

  #across(inside: ReadonlySet<number>): Connection[] {
    return [...this.#connections.values()].filter(
      ({ sides: [one, other] }) => inside.has(one.node) !== inside.has(other.node)
    )
  }

  #flush(side: Side): void {
    const { connection, out } = side
    if (this.#isBlocked(out)) return
    // The sender has been trying again, ever more slowly.
    connection.arrivesMs[side.end] = this.#world.nowMs + RETRANSMIT_MS * (1 + 4 * this.#random())
    for (const message of connection.held[side.end].splice(0)) this.send(side, message)
  }

  /** Its next ping gets no answer: each end gives it up, unless the link is back by then or it is `lost` anyway. */
  #dieLater(connection: Connection, lost = false): void {
    for (const { end, out } of connection.sides) {
      const ms = PING_TIMEOUT_MS + PING_INTERVAL_MS * this.#random()
      this.#world.after(ms, () => {
        const { isOpen, sides } = connection
        const dead = lost || this.#isBlocked(out) || this.#isBlocked(sides[1 - end]!.out) || !isOpen[1 - end]
        if (dead) this.#end(connection, end)
      })
    }
  }

  #pair(a: number, b: number): number {
    return a < b ? a * this.#world.nodes.length + b : b * this.#world.nodes.length + a
  }
}
