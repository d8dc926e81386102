/**
 * One set of routes on two listeners: a unix socket that file permissions guard, for this device's own command line,
 * and TCP behind a token, for any other program: on loopback, or wider where the settings list the names that other
 * devices may call it by.
 */

import { chmod } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Adoptable } from '../interface/adoption.ts'
import { LumosError } from '../interface/errors.ts'
import type { AdoptedAccess, TcpAccess } from './access.ts'
import { Admission, cutWith } from './admission.ts'
import { AdoptedPorts } from './adopted-ports.ts'
import { STRANGER } from './callers.ts'
import { allowOrigin } from './cors.ts'
import { boundTimes, Connections, refuseCrowd } from './crowd.ts'
import { GrpcPort } from './grpc-port.ts'
import { checkReach, hostsOf, isLoopback } from './hosts.ts'
import { type Listeners, listen, listenOnFreePort } from './listen.ts'
import { type Asked, loadRoutes, type RouteComponents, type Routes } from './load-routes.ts'
import { notLoaded } from './not-loaded.ts'
import type { GatewayOptions } from './options.ts'
import { refuse } from './refuse.ts'
import { keptSessions, Sessions } from './sessions.ts'

/** With each answer. No page of another origin loads one as a picture, a script or a frame, even one it could not read. */
const HEADERS = [
  ['cross-origin-resource-policy', 'same-origin'],
  ['x-frame-options', 'DENY'],
  // Nodes that look for servers of models know each other by it.
  ['x-lumos-node', 'true']
] as const

type GatewayComponents = Omit<RouteComponents, 'closing' | 'sessions' | 'aliases'>

/** What the listener wants to see; nothing on the unix socket. */
type AccessOf = (incoming: IncomingMessage) => TcpAccess | AdoptedAccess | undefined

export class Gateway {
  readonly #load: typeof loadRoutes
  readonly #components: GatewayComponents
  readonly #options: GatewayOptions
  readonly #sessions: Sessions
  readonly #admission: Admission
  /** The ports of other programs that answer for this node. */
  readonly adoption: AdoptedPorts
  readonly grpc: GrpcPort
  readonly #closing = new AbortController()
  readonly #credentials = () => ({ token: this.#token, named: this.#options.named, sessions: this.#sessions })
  #token: string
  /** Those that listen. */
  readonly #servers = new Set<Server>()
  #local: Server | undefined
  #tcp: Listeners<Server> | undefined
  #routes: Promise<Routes> | undefined

  constructor(components: GatewayComponents, options: GatewayOptions, load = loadRoutes) {
    this.#load = load
    this.#components = components
    this.#options = options
    this.#sessions = new Sessions(
      components.clock,
      keptSessions(options.sessions, this.#credentials, components.log)
    )
    this.#admission = new Admission(components.clock)
    this.#token = options.token
    const { clock, log } = components
    const { adopted: store = { read: () => [], write() {} } } = options
    const hosts = (incoming: IncomingMessage) => hostsOf('127.0.0.1', incoming.socket.localPort ?? 0, [])
    const create = (product: Adoptable) =>
      this.#createServer(incoming => ({ product, hosts: hosts(incoming) }))
    this.adoption = new AdoptedPorts({ clock, log, store, create })
    const own = { closing: this.#closing.signal, admission: this.#admission, credentials: this.#credentials }
    this.grpc = new GrpcPort({ ...components, ...own, hosts: options.hosts }, options.grpc)
  }

  /** Absent until started, and again once closing. */
  get url(): string | undefined {
    if (this.#tcp === undefined) return undefined
    const [host] = hostsOf(this.#options.host, this.#tcp.port, [])
    return `http://${host}`
  }

  /** Where other devices reach it; absent where only this device does. */
  get reach(): { host: string; port: number; names: readonly string[] } | undefined {
    const { host, hosts: names } = this.#options
    return this.#tcp === undefined || isLoopback(host) ? undefined : { host, port: this.#tcp.port, names }
  }

  /** The address of the page, with a code by which one browser is let in, of that user alone. Absent while it is closed. */
  link(user?: number): string | undefined {
    return this.url && `${this.url}/#open=${this.#sessions.link(user)}`
  }

  /** Origins of pages that were refused `/v1` in the last hour, the newest first. */
  get refusedOrigins(): readonly string[] {
    return this.#admission.refusedOrigins
  }

  async start(): Promise<void> {
    const { host, hosts } = this.#options
    checkReach('gateway', { host, hosts })
    this.#sessions.restore()
    if (!isLoopback(host))
      this.#components.log.warn({ host, hosts }, 'the gateway listens to other devices, and is not encrypted')
    try {
      await this.openSocket()
      this.#tcp = await this.#listenOnTcp()
      await Promise.all([this.adoption.start(), this.grpc.start()])
    } catch (err) {
      await this.close({ drainMs: 0 })
      throw err
    }
  }

  /** Listens on the socket: again, where its file was removed. What came in by the one before goes on. */
  async openSocket(): Promise<void> {
    const { socketPath } = this.#options
    this.#local?.close()
    this.#local = this.#createServer(() => undefined)
    await listen(this.#local, { path: socketPath })
    // A named pipe has no mode. Until here the socket's directory, 0700, guards it.
    if (process.platform !== 'win32') await chmod(socketPath, 0o600)
  }

  /**
   * Another token. Connections by the old one or by a session end at once, that of the caller over TCP too. Returns how
   * many sessions have ended.
   */
  rotateToken(): number {
    this.#token = this.#options.newToken()
    for (const server of this.#tcp?.servers ?? []) server.closeAllConnections()
    this.grpc.cut()
    return this.#sessions.endAll()
  }

  /** Takes no more requests, gives those under way `drainMs`, then cuts them off. */
  async close({ drainMs }: { drainMs: number }): Promise<void> {
    const servers = [...this.#servers]
    this.#tcp = undefined
    this.#closing.abort()
    this.adoption.close()

    const closed = Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
    const deadline = this.#components.clock.setTimer(() => {
      for (const server of servers) server.closeAllConnections()
    }, drainMs)
    await Promise.all([closed, this.grpc.close(drainMs)])
    deadline.cancel()
  }

  #createServer(accessOf: AccessOf): Server {
    // A request without a Host is refused like any other wrong one, in the same words.
    const server = createServer({ requireHostHeader: false }, (incoming, outgoing) => {
      if (connections.isSurplus(incoming.socket)) refuseCrowd(outgoing, this.#components.clock)
      else this.#serve(incoming, outgoing, accessOf(incoming), connections)
    })
    boundTimes(server)
    const connections = new Connections(server, this.#components.clock)
    server.on('listening', () => this.#servers.add(server)).on('close', () => this.#servers.delete(server))
    return server
  }

  #serve(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    access: TcpAccess | AdoptedAccess | undefined,
    connections: Connections
  ): void {
    for (const [name, value] of HEADERS) outgoing.setHeader(name, value)
    // A connection kept alive after its answer would keep a closing server waiting.
    const closing = this.#closing.signal
    outgoing.on('close', () => {
      if (closing.aborted) incoming.socket.destroySoon()
    })

    if (access !== undefined && 'token' in access && allowOrigin(incoming, outgoing, access)) return
    const caller = closing.aborted
      ? new LumosError('NODE_NOT_RUNNING', 'This node is stopping.')
      : this.#admission.of(incoming, access)
    if (caller instanceof LumosError) {
      refuse(outgoing, caller, this.#components.clock)
      return
    }
    // A path that is open to all proves nothing.
    if (caller !== STRANGER && !connections.keep(incoming.socket, caller.token)) {
      refuseCrowd(outgoing, this.#components.clock)
      return
    }
    cutWith(caller, outgoing)
    const listener = access !== undefined && 'product' in access ? access.product : undefined
    this.#route(incoming, outgoing, { caller, listener })
  }

  #route(incoming: IncomingMessage, outgoing: ServerResponse, by: Asked): void {
    this.#routes ??= this.#load({
      ...this.#components,
      aliases: this.#options.aliases ?? {},
      sessions: this.#sessions,
      closing: this.#closing.signal
    })
    void this.#routes.then(
      routes => {
        // A client that left while the routes were loading gets no answer, and nothing notices its end later.
        if (!outgoing.destroyed) void routes(incoming, outgoing, by)
      },
      (err: unknown) => {
        // The next request tries again: files may lie there by then, and descriptors be free.
        this.#routes = undefined
        this.#components.log.error({ err }, 'could not load the gateway; the node goes on')
        refuse(outgoing, notLoaded(err), this.#components.clock)
      }
    )
  }

  async #listenOnTcp(): Promise<Listeners<Server>> {
    const { host, port: wanted, hosts: names } = this.#options
    const origins = new Set(this.#options.origins)
    const accessOf: AccessOf = incoming => ({
      ...this.#credentials(),
      hosts: hostsOf(host, incoming.socket.localPort ?? 0, names),
      origins
    })
    const place = { host, port: wanted, section: 'gateway' }
    const tcp = await listenOnFreePort(() => this.#createServer(accessOf), place)
    const { port } = tcp
    if (port !== wanted && wanted > 0) {
      this.#components.log.warn({ wanted, port }, 'the gateway port is taken: using the next free one')
    }
    return tcp
  }
}
