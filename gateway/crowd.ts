/** How many connections a listener holds, for how long, and what those get that are too many. */

import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../interface/clock.ts'
import { OverloadedError } from '../interface/errors.ts'
import { isLoopback } from './hosts.ts'
import { refuse } from './refuse.ts'

const LIMITS = {
  /** A thousand streams of events and as many agents; each idle one costs some ten kilobytes. */
  served: 2048,
  /**
   * Those above are answered with a refusal and closed: a program that sends ten thousand requests at once loses none.
   * Of more than this, the oldest is closed without an answer.
   */
  refused: 8192,
  /** Of one other device, a proxy with many clients behind it included. */
  ofAddress: 512,
  /** Time to show a token. A connection that has shown none in it makes room for a new one. */
  unprovenMs: 1000
}
const CONNECTIONS_RETRY_AFTER_MS = 1000
/** Loopback is fast: who takes longer is not a program of good will. */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 60_000
/** Longer than clients keep an idle connection (Node 4 s, Go and Java 90 s), so that none asks on one that ends. */
const KEEP_ALIVE_MS = 95_000

/** Connections of one listener. One that is served stays so, however many come after it. */
export class Connections {
  readonly #clock: Clock
  readonly #limits: typeof LIMITS
  readonly #served = new Set<Socket>()
  /** Of those, the ones without a request that was let in, by when they opened. */
  readonly #unproven = new Map<Socket, number>()
  readonly #surplus = new Set<Socket>()

  constructor(server: Server, clock: Clock, limits = LIMITS) {
    this.#clock = clock
    this.#limits = limits
    server.headersTimeout = HEADERS_TIMEOUT_MS
    server.requestTimeout = REQUEST_TIMEOUT_MS
    server.keepAliveTimeout = KEEP_ALIVE_MS
    server.on('connection', socket => this.#take(socket))
  }

  /** Whether this connection came when there was no room. */
  isSurplus(socket: Socket): boolean {
    return this.#surplus.has(socket)
  }

  /** A request on it was let in: it makes room for no other. */
  keep(socket: Socket): void {
    this.#unproven.delete(socket)
  }

  #take(socket: Socket): void {
    const { served, refused, ofAddress, unprovenMs } = this.#limits
    if (this.#countOf(socket.remoteAddress) >= ofAddress) {
      socket.destroy()
      return
    }
    socket.once('close', () => this.#forget(socket))
    const nowMs = this.#clock.monotonicMs()
    const [oldest] = this.#unproven
    if (this.#served.size >= served && oldest !== undefined && nowMs - oldest[1] >= unprovenMs)
      this.#drop(oldest[0])
    if (this.#served.size < served) {
      this.#served.add(socket)
      this.#unproven.set(socket, nowMs)
      return
    }
    this.#surplus.add(socket)
    const [first] = this.#surplus
    if (this.#surplus.size > refused) this.#drop(first!)
  }

  /** How many connections this address holds, where it is not of this device. */
  #countOf(address: string | undefined): number {
    if (address === undefined || isLoopback(address)) return 0
    const isOf = ({ remoteAddress }: Socket) => remoteAddress === address
    return [...this.#served, ...this.#surplus].filter(isOf).length
  }

  #drop(socket: Socket): void {
    this.#forget(socket)
    socket.destroy()
  }

  #forget(socket: Socket): void {
    this.#served.delete(socket)
    this.#unproven.delete(socket)
    this.#surplus.delete(socket)
  }
}

/** Before its body is read, whatever it asks for. Its connection ends, so that another one has the place. */
export function refuseCrowd(outgoing: ServerResponse, clock: Clock): void {
  outgoing.shouldKeepAlive = false
  refuse(outgoing, new OverloadedError('Too many connections are open.', CONNECTIONS_RETRY_AFTER_MS), clock)
}
