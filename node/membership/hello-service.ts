/**
 * Says hello on every new connection. A peer is served once it has said hello and was accepted; a connection
 * without a hello is closed, whatever else happens on it.
 */

import type { Connection, Stream } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Clock, Timer } from '../../interface/clock.ts'
import { type LumosError, TimeoutError, toLumosError } from '../../interface/errors.ts'
import type { Logger, Startable } from '../../interface/lifecycle.ts'
import type { SignedManifest } from '../../interface/manifest.ts'
import {
  exchangeHello,
  HELLO_PROTOCOL,
  type Hello,
  type HelloTerms,
  refuseHello
} from '../../protocols/hello/index.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import type { Guard } from './guard.ts'
import { EVERYBODY } from './policy.ts'

/** The connection of a peer that does not say hello within this time is closed. */
export const HELLO_TIMEOUT_MS = 5000
/** The hello of a reconnecting peer and a race of two dials: more streams than that are abuse. */
const HELLO_STREAMS_MAX = 2

/** A peer that both sides accept. */
export interface AcceptedPeer {
  readonly connection: Connection
  readonly manifest: SignedManifest
  readonly hello: Hello
  /** Round trip of the hello; known to the side that dialed. */
  readonly rttMs: number | undefined
  /** Fresh certificates that the peer, an admin, gave this node. */
  readonly renewed: readonly Uint8Array[]
}

export interface HelloServiceComponents {
  readonly libp2p: MeshLibp2p
  readonly clock: Clock
  readonly log: Logger
  readonly guard: Guard
  terms(peerId: string): HelloTerms
  onAccepted(met: AcceptedPeer): Promise<void>
  onRefused(connection: Connection, failure: LumosError): void
  /** Whether this node has dialed that peer for something else than to say hello. */
  isAsked(peerId: string): boolean
}

export class HelloService implements Startable {
  readonly #components: HelloServiceComponents
  /** Connections whose peer has not said hello yet. */
  readonly #awaited = new Map<Connection, Timer>()
  readonly #held = new WeakSet<Connection>()
  #stopped = false

  constructor(components: HelloServiceComponents) {
    this.#components = components
  }

  /** To be called before libp2p starts, so that no connection comes too early. */
  async start(): Promise<void> {
    const { libp2p, guard } = this.#components
    const handler = guard.handler(HELLO_PROTOCOL, EVERYBODY, this.#onStream, refuseHello)
    await libp2p.handle(HELLO_PROTOCOL, handler, { maxInboundStreams: HELLO_STREAMS_MAX })
    libp2p.addEventListener('connection:open', this.#onConnection)
  }

  stop(): void {
    this.#stopped = true
    this.#components.libp2p.removeEventListener('connection:open', this.#onConnection)
    for (const timer of this.#awaited.values()) timer.cancel()
  }

  /** The dialer of a connection opens the hello; the listener answers on the same stream. */
  #onConnection = (event: CustomEvent<Connection>): void => {
    const connection = event.detail
    const outbound = connection.direction === 'outbound'
    if (outbound && this.#components.isAsked(connection.remotePeer.toString())) return
    connection.addEventListener('close', () => this.#arrived(connection))
    if (outbound) void this.#sayHello(connection)
    else this.#await(connection, HELLO_TIMEOUT_MS)
  }

  /** The peer has something to do before it says hello: once, it gets `timeoutMs` from now. */
  hold(connection: Connection, timeoutMs: number): void {
    if (!this.#awaited.has(connection) || this.#held.has(connection)) return
    this.#held.add(connection)
    this.#await(connection, timeoutMs)
  }

  /** Say hello once more on every connection. */
  async sayHelloToAll(): Promise<void> {
    await this.#sayHelloOn(this.#components.libp2p.getConnections())
  }

  /**
   * Say hello once more on each connection with this peer.
   *
   * @returns what came back, of each connection that answered.
   */
  async sayHello(peerId: string): Promise<SignedManifest[]> {
    return this.#sayHelloOn(this.#components.libp2p.getConnections(peerIdFromString(peerId)))
  }

  async #sayHelloOn(connections: readonly Connection[]): Promise<SignedManifest[]> {
    const answers = await Promise.all(connections.map(connection => this.#sayHello(connection)))
    return answers.filter(answer => answer !== undefined)
  }

  #await(connection: Connection, timeoutMs: number): void {
    this.#awaited.get(connection)?.cancel()
    const late = new TimeoutError(`No hello within ${timeoutMs} ms.`)
    const timer = this.#components.clock.setTimer(() => this.#refuse(connection, late), timeoutMs)
    this.#awaited.set(connection, timer)
  }

  #arrived(connection: Connection): void {
    this.#awaited.get(connection)?.cancel()
    this.#awaited.delete(connection)
  }

  /** A member that said hello before may be silent this time, and must not hold up those that wait for all. */
  async #sayHello(connection: Connection): Promise<SignedManifest | undefined> {
    this.#await(connection, HELLO_TIMEOUT_MS)
    try {
      return await this.#hello(await connection.newStream(HELLO_PROTOCOL), connection)
    } catch (thrown) {
      this.#refuse(connection, thrown)
      return undefined
    }
  }

  #onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    try {
      await this.#hello(stream, connection)
    } catch (thrown) {
      this.#refuse(connection, thrown)
    }
  }

  async #hello(stream: Stream, connection: Connection): Promise<SignedManifest> {
    const { clock, terms, onAccepted } = this.#components
    const beganMs = clock.monotonicMs()
    const peerId = connection.remotePeer.toString()
    const outcome = await exchangeHello(stream, peerId, terms(peerId))
    const rttMs = connection.direction === 'outbound' ? clock.monotonicMs() - beganMs : undefined

    this.#arrived(connection)
    if (connection.status === 'open') await onAccepted({ connection, rttMs, ...outcome })
    return outcome.manifest
  }

  #refuse(connection: Connection, thrown: unknown): void {
    this.#arrived(connection)
    if (this.#stopped || connection.status !== 'open') return
    const failure = toLumosError(thrown)
    const peerId = connection.remotePeer.toString()
    this.#components.log.debug({ peerId, code: failure.code, err: thrown }, 'no hello')
    this.#components.onRefused(connection, failure)
    // A refusal is on its way to the peer; the connection ends once it is sent.
    connection.close().catch(() => connection.abort(failure))
  }
}
