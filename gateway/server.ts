/**
 * One set of routes on two doors: a unix socket that file permissions guard,
 * for this device's own command line, and loopback TCP behind a token, for any
 * other program. It refuses to bind wider than loopback, so nothing beyond this
 * device ever reaches the routes.
 */

import { chmod } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LumosError } from '../interface/errors.ts'
import { authorityOf, hostsOf, isLoopback, refusalOf } from './access.ts'
import type { AppComponents } from './app.ts'
import { failureBody, failureHead, newCall } from './envelope.ts'

/** Enough for several nodes on one device; more are a sign of something else. */
const PORTS_TRIED_MAX = 20
const PORT_MAX = 65_535
/** A dashboard, a few agents and the command line, with room; bounds what sockets cost. */
const CONNECTIONS_MAX = 256
/** Loopback is fast: who takes longer is not a program of good will. */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 60_000

export interface GatewayOptions {
  readonly socketPath: string
  /** What programs must show on TCP. */
  readonly token: string
  /** A loopback address; no other is bound yet. */
  readonly host: string
  /** The first port to try; the ones after it are tried when it is taken. 0 lets the system choose. */
  readonly port: number
}

type Admission = (incoming: IncomingMessage) => LumosError | undefined
type Routes = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>

export class Gateway {
  readonly #components: Omit<AppComponents, 'closing'>
  readonly #options: GatewayOptions
  readonly #closing = new AbortController()
  #servers: Server[] = []
  #port: number | undefined
  #routes: Promise<Routes> | undefined

  constructor(components: Omit<AppComponents, 'closing'>, options: GatewayOptions) {
    this.#components = components
    this.#options = options
  }

  /** Absent until started, and again once closing. */
  get url(): string | undefined {
    return this.#port === undefined ? undefined : `http://${authorityOf(this.#options.host, this.#port)}`
  }

  async start(): Promise<void> {
    const { socketPath, token, host } = this.#options
    if (!isLoopback(host)) {
      throw new LumosError(
        'CONFIG_INVALID',
        `The gateway cannot listen on ${host}: only on loopback for now.`,
        {
          hint: 'Set gateway.host to 127.0.0.1.'
        }
      )
    }
    try {
      const local = this.#createServer(incoming => refusalOf(incoming, undefined))
      await listen(local, { path: socketPath })
      // A named pipe has no mode. Until here the socket's directory, 0700, guards it.
      if (process.platform !== 'win32') await chmod(socketPath, 0o600)

      const tcp = this.#createServer(incoming =>
        refusalOf(incoming, { token, hosts: hostsOf(host, incoming.socket.localPort ?? 0) })
      )
      this.#port = await this.#listenOnFreePort(tcp)
    } catch (err) {
      await this.close({ drainMs: 0 })
      throw err
    }
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

  #createServer(refusal: Admission): Server {
    // A request without a Host is refused like any other wrong one, in the same words.
    const server = createServer({ requireHostHeader: false }, (incoming, outgoing) => {
      this.#serve(incoming, outgoing, refusal)
    })
    server.maxConnections = CONNECTIONS_MAX
    server.headersTimeout = HEADERS_TIMEOUT_MS
    server.requestTimeout = REQUEST_TIMEOUT_MS
    this.#servers.push(server)
    return server
  }

  #serve(incoming: IncomingMessage, outgoing: ServerResponse, refusal: Admission): void {
    // A connection kept alive after its answer would keep a closing server waiting.
    const closing = this.#closing.signal
    outgoing.on('close', () => {
      if (closing.aborted) incoming.socket.destroySoon()
    })

    const refused = closing.aborted
      ? new LumosError('NODE_NOT_RUNNING', 'This node is stopping.')
      : refusal(incoming)
    if (refused === undefined) {
      this.#routes ??= loadRoutes({ ...this.#components, closing })
      void this.#routes.then(routes => {
        // Whoever left while the routes were loading can no longer be told, or noticed.
        if (!outgoing.destroyed) void routes(incoming, outgoing)
      })
      return
    }

    const { clock } = this.#components
    const call = newCall(clock)
    const { error, status, headers } = failureHead(refused, call)
    outgoing.writeHead(status, Object.fromEntries(headers)).end(failureBody(error, call, clock.monotonicMs()))
  }

  async #listenOnFreePort(server: Server): Promise<number> {
    const { host, port: first } = this.#options
    for (let port = first; ; port++) {
      try {
        await listen(server, { host, port })
        if (port > first && first > 0) {
          this.#components.log.warn(
            { wanted: first, port },
            'the gateway port is taken: using the next free one'
          )
        }
        return (server.address() as AddressInfo).port
      } catch (err) {
        const taken = (err as NodeJS.ErrnoException).code === 'EADDRINUSE'
        if (!taken || port - first + 1 >= PORTS_TRIED_MAX || port === PORT_MAX) throw err
      }
    }
  }
}

/**
 * Loaded for the first request: `Request`, `Response` and what they stand on are
 * 15 MB, and many a node serves its peers for weeks without being asked from here.
 */
async function loadRoutes(components: AppComponents): Promise<Routes> {
  const [{ getRequestListener }, { createApp }] = await Promise.all([
    import('@hono/node-server'),
    import('./app.ts')
  ])
  const app = createApp(components)
  return getRequestListener((request, env) => app.fetch(request, env), { overrideGlobalObjects: false })
}

const listen = (server: Server, where: { path: string } | { host: string; port: number }): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => {
      server.off('error', reject)
      resolve()
    })
  })
