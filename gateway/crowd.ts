/** How many connections a listener holds, for how long, and what those get that are too many. */

import type { Server, ServerResponse } from 'node:http'
import type { Server as NetServer, Socket } from 'node:net'
import type { Clock } from '../interface/clock.ts'
import { OverloadedError } from '../interface/errors.ts'
import { isLoopback } from './hosts.ts'
import { refuse } from './refuse.ts'

interface CrowdLimits {
  /** At the same time. */
  readonly served: number
  /** Those above are told that they are too many. Of more than this, the oldest is closed without an answer. */
  readonly refused: number
  /** Of one other device, a proxy with many clients behind it included. */
  readonly ofAddress: number
  /** On which one named token was shown. The owner's own programs, which show that of the gateway, are not counted. */
  readonly ofToken: number
  /** Time to show a token. A connection that has shown none in it makes room for a new one. */
  readonly unprovenMs: number
}

const LIMITS: CrowdLimits = {
  /** A thousand streams of events and as many agents; each idle one costs some ten kilobytes. */
  served: 2048,
  /** A program that sends ten thousand requests at once loses none. */
  refused: 8192,
  ofAddress: 512,
  ofToken: 512,
  unprovenMs: 1000
}
const CONNECTIONS_RETRY_AFTER_MS = 1000
/** Loopback is fast: no honest program takes longer. */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 60_000
/** Longer than clients keep an idle connection (Node 4 s, Go and Java 90 s), so that none asks on one that ends. */
const KEEP_ALIVE_MS = 95_000

/** How long a server of HTTP waits for a request, and for the next one. */
export function boundTimes(server: Server): void {
  server.headersTimeout = HEADERS_TIMEOUT_MS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.keepAliveTimeout = KEEP_ALIVE_MS
}

/** Connections of one listener. One that is served stays so, however many come after it. */
export class Connections {
  readonly #clock: Clock
  readonly #limits: CrowdLimits
  /** With the address that each came from. */
  readonly #served = new Map<Socket, string>()
  /** Of those, the ones without a request that was let in, by when they opened. */
  readonly #unproven = new Map<Socket, number>()
  readonly #surplus = new Map<Socket, string>()
  /** How many each other device holds. */
  readonly #ofAddress = new Count()
  /** The named token that was shown last on each that is served, and how many each of them holds. */
  readonly #tokens = new Map<Socket, string>()
  readonly #ofToken = new Count()

  constructor(server: NetServer, clock: Clock, limits = LIMITS) {
    this.#clock = clock
    this.#limits = limits
    server.on('connection', (socket: Socket) => this.#take(socket))
  }

  /** Whether this connection came when there was no room. */
  isSurplus(socket: Socket): boolean {
    return this.#surplus.has(socket)
  }

  /**
   * A request on it was let in: it makes room for no other.
   *
   * @param token the name of the one that was shown, where it has one.
   * @returns false where that holds as many as it may.
   */
  keep(socket: Socket, token?: string): boolean {
    const before = this.#tokens.get(socket)
    if (token !== undefined && token !== before) {
      if (this.#ofToken.of(token) >= this.#limits.ofToken) return false
      this.#tokens.set(socket, token)
      this.#ofToken.add(token)
      if (before !== undefined) this.#ofToken.remove(before)
    }
    this.#unproven.delete(socket)
    return true
  }

  /** The same for one whose other end alone is known: TLS lies between a session of HTTP/2 and its connection. */
  keepFrom(
    { remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>,
    token?: string
  ): boolean {
    for (const socket of this.#unproven.keys())
      if (socket.remotePort === remotePort && socket.remoteAddress === remoteAddress)
        return this.keep(socket, token)
    return true
  }

  #take(socket: Socket): void {
    const { served, refused, ofAddress, unprovenMs } = this.#limits
    const address = socket.remoteAddress ?? ''
    if (this.#ofAddress.of(address) >= ofAddress) {
      socket.destroy()
      return
    }
    // This device is many programs.
    if (address !== '' && !isLoopback(address)) this.#ofAddress.add(address)
    socket.once('close', () => this.#forget(socket))
    const nowMs = this.#clock.monotonicMs()
    const [oldest] = this.#unproven
    if (this.#served.size >= served && oldest !== undefined && nowMs - oldest[1] >= unprovenMs)
      this.#drop(oldest[0])
    if (this.#served.size < served) {
      this.#served.set(socket, address)
      this.#unproven.set(socket, nowMs)
      return
    }
    this.#surplus.set(socket, address)
    const [first] = this.#surplus.keys()
    if (this.#surplus.size > refused) this.#drop(first!)
  }

  #drop(socket: Socket): void {
    this.#forget(socket)
    socket.destroy()
  }

  #forget(socket: Socket): void {
    const address = this.#served.get(socket) ?? this.#surplus.get(socket)
    if (address === undefined) return
    this.#served.delete(socket)
    this.#unproven.delete(socket)
    this.#surplus.delete(socket)
    this.#ofAddress.remove(address)
    const token = this.#tokens.get(socket)
    this.#tokens.delete(socket)
    if (token !== undefined) this.#ofToken.remove(token)
  }
}

/** How many of each there are. What is not there is not kept. */
class Count {
  readonly #counts = new Map<string, number>()

  of(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  add(name: string): void {
    this.#counts.set(name, this.of(name) + 1)
  }

  remove(name: string): void {
    const left = this.of(name) - 1
    if (left > 0) this.#counts.set(name, left)
    else this.#counts.delete(name)
  }
}

export const tooMany = (): OverloadedError =>
  new OverloadedError('Too many connections are open.', CONNECTIONS_RETRY_AFTER_MS)

/** Before its body is read, whatever it asks for. Its connection ends, so that another one has the place. */
export function refuseCrowd(outgoing: ServerResponse, clock: Clock): void {
  outgoing.shouldKeepAlive = false
  refuse(outgoing, tooMany(), clock)
}
