/**
 * Sessions of clients of the protocol before July 2026: each has a server that can be told to cancel, and that tells
 * of changes. Later clients need none.
 */

import type { Server, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { newAnswerId } from '../../interface/answers.ts'
import type { Clock, Timer } from '../../interface/clock.ts'
import type { Caller } from '../../interface/units.ts'

type Sdk = typeof import('@modelcontextprotocol/server')
type Transport = WebStandardStreamableHTTPServerTransport

/** Of one caller: the programs that share a token, with room. A session is some kilobytes. */
const SESSIONS_MAX = 64
/** A client that comes back later begins anew, as the protocol says. */
const IDLE_MS = 30 * 60_000

interface Session {
  readonly caller: Caller
  readonly transport: Transport
  /** Called when the token of its caller ends. */
  readonly cut: () => void
  idle: Timer
}

export class McpSessions {
  readonly #sdk: Sdk
  readonly #clock: Clock
  readonly #makeServer: (caller: Caller) => Server
  /** Those asked last are last. */
  readonly #sessions = new Map<string, Session>()

  constructor(sdk: Sdk, clock: Clock, makeServer: (caller: Caller) => Server) {
    this.#sdk = sdk
    this.#clock = clock
    this.#makeServer = makeServer
  }

  get size(): number {
    return this.#sessions.size
  }

  /** The transport of a session of this caller; another caller's is unknown to it. */
  find(id: string, caller: Caller): Transport | undefined {
    const session = this.#sessions.get(id)
    if (session?.caller !== caller) return undefined
    session.idle.cancel()
    session.idle = this.#idle(id)
    this.#sessions.delete(id)
    this.#sessions.set(id, session)
    return session.transport
  }

  /** For `initialize`. Of the sessions of this caller, the one asked longest ago makes room. */
  async begin(caller: Caller): Promise<Transport> {
    const transport = new this.#sdk.WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => newAnswerId(),
      onsessioninitialized: id => {
        const own = [...this.#sessions].filter(([, session]) => session.caller === caller)
        if (own.length >= SESSIONS_MAX) void this.#end(own[0]![0])
        const cut = () => void this.#end(id)
        this.#sessions.set(id, { caller, transport, cut, idle: this.#idle(id) })
        caller.ended?.addEventListener('abort', cut)
      },
      onsessionclosed: id => this.#forget(id)
    })
    await this.#makeServer(caller).connect(transport)
    return transport
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.#sessions.keys()].map(id => this.#end(id)))
  }

  #idle(id: string): Timer {
    return this.#clock.setTimer(() => void this.#end(id), IDLE_MS)
  }

  #forget(id: string): void {
    const session = this.#sessions.get(id)
    this.#sessions.delete(id)
    session?.idle.cancel()
    session?.caller.ended?.removeEventListener('abort', session.cut)
  }

  async #end(id: string): Promise<void> {
    const session = this.#sessions.get(id)
    this.#forget(id)
    await session?.transport.close()
  }
}
