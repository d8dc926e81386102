/** gRPC on a port of its own: HTTP/2 under TLS, and the same decision as for HTTP about each call. */

import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream
} from 'node:http2'
import type { Clock } from '../../interface/clock.ts'
import { LumosError, toLumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { Caller } from '../../interface/units.ts'
import type { Asking } from '../asking-form.ts'
import { STRANGER } from '../callers.ts'
import { Connections, tooMany } from '../crowd.ts'
import { KeptCalls } from '../kept-calls.ts'
import { type Listeners, listenOnFreePort } from '../listen.ts'
import { GrpcCall } from './call.ts'
import { HEALTH_METHODS } from './health.ts'
import type { MethodComponents, Methods } from './method.ts'
import { REFLECTION_METHODS } from './reflection.ts'
import { noMethod, SERVICE_METHODS } from './service.ts'
import { tend } from './tend.ts'

/** Programs that speak only gRPC are few, and each calls over one connection. What has no room is closed at once. */
const CROWD = { served: 256, refused: 0, ofAddress: 64, ofToken: 64, unprovenMs: 1000 }
/** Calls of one connection at the same time; more wait in the client. */
const STREAMS_MAX = 100
const HEADER_BYTES_MAX = 16 * 1024
const HANDSHAKE_TIMEOUT_MS = 10_000

const METHODS: Methods = { ...SERVICE_METHODS, ...HEALTH_METHODS, ...REFLECTION_METHODS }

export interface GrpcParts extends MethodComponents {
  readonly clock: Clock
  readonly log: Logger
  readonly host: string
  readonly port: number
  readonly key: string
  readonly cert: string
  /** The caller, or why the call is not answered. */
  admit(incoming: Asking): Caller | LumosError
}

export class GrpcListener {
  readonly #parts: GrpcParts
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #kept: KeptCalls
  #listeners: Listeners<Http2SecureServer> | undefined

  constructor(parts: GrpcParts) {
    this.#parts = parts
    this.#kept = new KeptCalls(parts)
  }

  /** The port that it listens on. */
  get port(): number | undefined {
    return this.#listeners?.port
  }

  async start(): Promise<void> {
    const { host, port, log } = this.#parts
    this.#listeners = await listenOnFreePort(() => this.#createServer(), { host, port, section: 'grpc' })
    const taken = this.#listeners.port
    if (port > 0 && taken !== port)
      log.warn({ wanted: port, port: taken }, 'the gRPC port is taken: using the next free one')
  }

  /** Ends all connections at once. */
  cut(): void {
    for (const session of this.#sessions) session.destroy()
  }

  /** Takes no more calls; those under way are given `drainMs`. */
  async close(drainMs: number): Promise<void> {
    const servers = this.#listeners?.servers ?? []
    this.#listeners = undefined
    const closed = servers.map(server => new Promise(resolve => server.close(resolve)))
    for (const session of this.#sessions) session.close()
    const deadline = this.#parts.clock.setTimer(() => this.cut(), drainMs)
    await Promise.all(closed)
    deadline.cancel()
  }

  #createServer(): Http2SecureServer {
    const { key, cert, clock } = this.#parts
    const server = createSecureServer({
      ...{ key, cert, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
      settings: { maxConcurrentStreams: STREAMS_MAX, maxHeaderListSize: HEADER_BYTES_MAX, enablePush: false }
    })
    const connections = new Connections(server, clock, CROWD)
    // A client that speaks no TLS, or trusts another certificate.
    server.on('tlsClientError', () => {})
    server.on('sessionError', () => {})
    server.on('session', session => {
      this.#sessions.add(session)
      session.once('close', () => this.#sessions.delete(session))
      tend(session, clock)
    })
    server.on('stream', (stream, headers) => {
      const { socket } = stream.session ?? {}
      void this.#serve(stream, headers, token =>
        socket === undefined ? true : connections.keepFrom(socket, token)
      )
    })
    return server
  }

  /** @param keep its connection has shown a token, of this name. False: too many have. */
  async #serve(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    keep: (token?: string) => boolean
  ): Promise<void> {
    const { clock, log, closing, admit } = this.#parts
    const incoming = askingOf(stream, headers)
    const call = new GrpcCall(stream, clock, incoming.headersDistinct['grpc-timeout']?.[0])
    try {
      const caller = closing.aborted
        ? new LumosError('NODE_NOT_RUNNING', 'This node is stopping.')
        : admit(incoming)
      if (caller instanceof LumosError) throw caller
      if (caller !== STRANGER && !keep(caller.token)) throw tooMany()
      const method = incoming.method === 'POST' ? METHODS[incoming.url] : undefined
      if (method === undefined) throw noMethod(incoming.url)
      endWith(caller, call)
      await method({ ...this.#parts, kept: this.#kept, call, caller, incoming })
      call.end()
    } catch (thrown) {
      const error = toLumosError(thrown)
      if (error.code === 'INTERNAL' && !call.ended)
        log.error({ err: thrown }, 'a call of gRPC met an unexpected error')
      call.end(error)
    }
  }
}

/** A call under way ends with the token that it was begun with. */
function endWith({ ended }: Caller, call: GrpcCall): void {
  if (ended === undefined) return
  const end = () => call.end(new LumosError('UNAUTHENTICATED', 'The token of the call has ended.'))
  ended.addEventListener('abort', end)
  call.signal.addEventListener('abort', () => ended.removeEventListener('abort', end), { once: true })
}

/** The call as a request of HTTP, for the one place that decides about both. */
function askingOf({ session }: ServerHttp2Stream, headers: IncomingHttpHeaders): Asking & { url: string } {
  const distinct: Record<string, string[]> = {}
  for (const [name, value] of Object.entries(headers))
    if (!name.startsWith(':') && value !== undefined) distinct[name] = [value].flat()
  // What was called is named twice where there is a Host beside it.
  const hosts = [...[headers[constants.HTTP2_HEADER_AUTHORITY] ?? []].flat(), ...(distinct.host ?? [])]
  distinct.host = [...new Set(hosts)]
  const { remoteAddress, remotePort, localPort } = session?.socket ?? {}
  return {
    method: String(headers[constants.HTTP2_HEADER_METHOD]),
    url: String(headers[constants.HTTP2_HEADER_PATH]),
    headers: { ...headers, host: hosts[0] },
    headersDistinct: distinct,
    socket: { remoteAddress, remotePort, localPort }
  }
}
