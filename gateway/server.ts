/**
 * One set of routes on two doors: a unix socket that file permissions guard,
 * for this device's own command line, and TCP behind a token, for any other
 * program: on loopback, or wider where the settings list the names that other
 * devices may call it by.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { LumosError } from '../interface/errors.ts'
import { type Caller, PERMISSIONS } from '../interface/units.ts'
import { hostsOf, isLoopback, refusalOf } from './access.ts'
import type { AppComponents } from './app-env.ts'
import { failureBody, failureHead, newCall } from './envelope.ts'
import { listenOnFreePort, listenOnSocket } from './listening.ts'
import { notLoaded } from './not-loaded.ts'
import { Sessions } from './sessions.ts'

/** A dashboard, a few agents and the command line, with room; bounds what sockets cost. */
const CONNECTIONS_MAX = 256
/** Loopback is fast: who takes longer is not a program of good will. */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 60_000
/** Longer than clients keep an idle connection (Node 4 s, Go and Java 90 s), so that none asks on one that ends. */
const KEEP_ALIVE_MS = 95_000
/** No page of another origin loads an answer as a picture, a script or a frame, even one it could not read. */
const GUARDS = [
  ['cross-origin-resource-policy', 'same-origin'],
  ['x-frame-options', 'DENY']
] as const

/**
 * What the callers of each listener may do. Secrets are handed out and replaced on the socket only: a program or a
 * page that holds the token is not their owner.
 */
const CALLERS = {
  local: { origin: 'local', permissions: PERMISSIONS },
  tcp: { origin: 'tcp', permissions: ['read', 'use', 'manage'] }
} as const satisfies Record<string, Caller>
type Listener = keyof typeof CALLERS

type GatewayComponents = Omit<AppComponents, 'closing' | 'sessions'>

export interface GatewayOptions {
  readonly socketPath: string
  /** What programs must show on TCP. */
  readonly token: string
  /** Puts another in its place, durably. */
  newToken(): string
  /** The IP address to listen on. */
  readonly host: string
  /** What other devices call this one. None is needed on loopback, at least one elsewhere. */
  readonly hosts: readonly string[]
  /** The first port to try; the ones after it are tried when it is taken. 0 lets the system choose. */
  readonly port: number
}

type Admission = (incoming: IncomingMessage) => LumosError | undefined
type Routes = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>

export class Gateway {
  readonly #load: typeof loadRoutes
  readonly #components: GatewayComponents
  readonly #options: GatewayOptions
  readonly #sessions: Sessions
  readonly #closing = new AbortController()
  #token: string
  #servers: Server[] = []
  #local: Server | undefined
  #tcp: Server | undefined
  #port: number | undefined
  #routes: Promise<Record<Listener, Routes>> | undefined

  constructor(components: GatewayComponents, options: GatewayOptions, load = loadRoutes) {
    this.#load = load
    this.#components = components
    this.#options = options
    this.#sessions = new Sessions(components.clock)
    this.#token = options.token
  }

  /** Absent until started, and again once closing. */
  get url(): string | undefined {
    if (this.#port === undefined) return undefined
    const [host] = hostsOf(this.#options.host, this.#port, [])
    return `http://${host}`
  }

  async start(): Promise<void> {
    const { host, hosts: names } = this.#options
    this.#checkReach()
    try {
      await this.openSocket()
      this.#tcp = this.#createServer('tcp', incoming =>
        refusalOf(incoming, {
          token: this.#token,
          sessions: this.#sessions,
          hosts: hostsOf(host, incoming.socket.localPort ?? 0, names)
        })
      )
      this.#port = await listenOnFreePort(this.#tcp, this.#options, this.#components.log)
    } catch (err) {
      await this.close({ drainMs: 0 })
      throw err
    }
  }

  /** Listens on the socket: again, where its file was removed. What came in by the one before goes on. */
  async openSocket(): Promise<void> {
    const { socketPath } = this.#options
    this.#local?.close()
    this.#local = this.#createServer('local', incoming => refusalOf(incoming, undefined))
    await listenOnSocket(this.#local, socketPath)
  }

  /**
   * Another token; whoever came in by the old one or by a session is cut off at once, the one
   * who asks for this over TCP too. Returns how many sessions have ended.
   */
  rotateToken(): number {
    this.#token = this.#options.newToken()
    const ended = this.#sessions.endAll()
    this.#tcp?.closeAllConnections()
    return ended
  }

  /** Takes no more requests, gives those under way `drainMs`, then cuts them off. */
  async close({ drainMs }: { drainMs: number }): Promise<void> {
    const servers = this.#servers
    this.#servers = []
    this.#port = undefined
    this.#closing.abort()

    const closed = Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
    const deadline = this.#components.clock.setTimer(() => {
      for (const server of servers) server.closeAllConnections()
    }, drainMs)
    await closed
    deadline.cancel()
  }

  /** Wider than loopback, a Host that is not listed may be a web page's: so there must be a list. */
  #checkReach(): void {
    const { host, hosts } = this.#options
    if (isLoopback(host)) return
    if (hosts.length === 0) {
      throw new LumosError(
        'CONFIG_INVALID',
        `The gateway cannot listen on ${host}: gateway.hosts is empty.`,
        {
          hint: 'List there what other devices call this one, or set gateway.host to 127.0.0.1.'
        }
      )
    }
    this.#components.log.warn({ host, hosts }, 'the gateway listens to other devices, and is not encrypted')
  }

  #createServer(listener: Listener, refusal: Admission): Server {
    // A request without a Host is refused like any other wrong one, in the same words.
    const server = createServer({ requireHostHeader: false }, (incoming, outgoing) => {
      this.#serve(incoming, outgoing, listener, refusal)
    })
    server.maxConnections = CONNECTIONS_MAX
    server.headersTimeout = HEADERS_TIMEOUT_MS
    server.requestTimeout = REQUEST_TIMEOUT_MS
    server.keepAliveTimeout = KEEP_ALIVE_MS
    this.#servers.push(server)
    return server
  }

  #serve(incoming: IncomingMessage, outgoing: ServerResponse, listener: Listener, refusal: Admission): void {
    for (const [name, value] of GUARDS) outgoing.setHeader(name, value)
    // A connection kept alive after its answer would keep a closing server waiting.
    const closing = this.#closing.signal
    outgoing.on('close', () => {
      if (closing.aborted) incoming.socket.destroySoon()
    })

    const refused = closing.aborted
      ? new LumosError('NODE_NOT_RUNNING', 'This node is stopping.')
      : refusal(incoming)
    if (refused === undefined) {
      this.#routes ??= this.#load({ ...this.#components, sessions: this.#sessions, closing })
      void this.#routes.then(
        routes => {
          // Whoever left while the routes were loading can no longer be told, or noticed.
          if (!outgoing.destroyed) void routes[listener](incoming, outgoing)
        },
        (err: unknown) => {
          // The next request tries again: files may lie there by then, and descriptors be free.
          this.#routes = undefined
          this.#components.log.error({ err }, 'could not load the gateway; the node goes on')
          this.#refuse(outgoing, notLoaded(err))
        }
      )
      return
    }
    this.#refuse(outgoing, refused)
  }

  #refuse(outgoing: ServerResponse, refused: LumosError): void {
    const { clock } = this.#components
    const call = newCall(clock)
    const { error, status, headers } = failureHead(refused, call)
    outgoing.writeHead(status, Object.fromEntries(headers)).end(failureBody(error, call, clock.monotonicMs()))
  }
}

/**
 * Loaded for the first request: `Request`, `Response` and what they stand on are
 * 15 MB, and many a node serves its peers for weeks without being asked from here.
 */
async function loadRoutes(components: AppComponents): Promise<Record<Listener, Routes>> {
  const [{ getRequestListener }, { createApp }] = await Promise.all([
    import('@hono/node-server'),
    import('./app.ts')
  ])
  const app = createApp(components)
  const routesOf = (caller: Caller): Routes =>
    getRequestListener((request, env) => app.fetch(request, { ...env, caller }), {
      overrideGlobalObjects: false
    })
  return { local: routesOf(CALLERS.local), tcp: routesOf(CALLERS.tcp) }
}
