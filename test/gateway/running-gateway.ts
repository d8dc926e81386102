/** A gateway over a real node, started for one test, and raw requests to it. */

import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { getRequestListener } from '@hono/node-server'
import { createApp } from '../../gateway/app.ts'
import type { FACES } from '../../gateway/faces.ts'
import { Gateway, NamedTokens } from '../../gateway/index.ts'
import { Sessions } from '../../gateway/sessions.ts'
import type { Adoptable } from '../../interface/adoption.ts'
import { systemClock } from '../../interface/clock.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { Caller } from '../../interface/units.ts'
import { serverCertificate } from '../../node/server-certificate.ts'
import { makeGatewayToken, readGatewayToken } from '../../storage/home/gateway-token.ts'
import { sessionFile } from '../../storage/home/session-file.ts'
import { createUnits, type UnitRegistry } from '../../units/index.ts'
import { startNode } from '../units/started-node.ts'

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of every shape
  readonly body: any
}

export interface GatewaySettings {
  readonly port?: number
  readonly host?: string
  readonly hosts?: readonly string[]
  readonly origins?: readonly string[]
  /** Whether it speaks gRPC, too. */
  readonly grpc?: boolean
  /** In place of loading the routes. */
  readonly load?: ConstructorParameters<typeof Gateway>[2]
}

export async function startGateway({
  port = 0,
  host = '127.0.0.1',
  hosts = [],
  origins = [],
  grpc: isGrpc = false,
  load
}: GatewaySettings = {}) {
  const { node, engine, emit, home, ...started } = await startNode()
  const [warnings, errors] = [[], []] as [object[], object[]]
  const log: Logger = {
    debug() {},
    info() {},
    warn: fields => warnings.push(fields),
    error: fields => errors.push(fields)
  }
  let stops = 0

  const { socketPath, tokenPath } = node.home
  const token = node.home.gatewayToken()
  const tokens = new NamedTokens({ store: node.home.tokens, clock: systemClock, log })
  const newToken = () => makeGatewayToken(tokenPath)
  const grpc = isGrpc ? grpcIn(home) : undefined
  const options = { socketPath, newToken, host, hosts, origins, grpc, sessions: sessionFile(home) }
  const components = { units: async () => units, clock: systemClock, log }
  let gateway = new Gateway(components, { ...options, token, named: tokens, port }, load)
  const units = createUnits({
    node,
    gatewayUrl: () => gateway.url,
    refusedOrigins: () => gateway.refusedOrigins,
    rotateToken: () => gateway.rotateToken(),
    pageLink: user => gateway.link(user),
    grpc: () => gateway.grpc.state(),
    tokens,
    adoption: gateway.adoption,
    stop: () => stops++
  })
  try {
    await gateway.start()
  } catch (err) {
    await started[Symbol.asyncDispose]()
    throw err
  }
  const tcpPort = Number(new URL(gateway.url!).port)

  return {
    node,
    engine,
    emit,
    get gateway() {
      return gateway
    },
    units,
    home,
    socketPath,
    token,
    warnings,
    errors,
    port: tcpPort,
    stops: () => stops,
    /** As the CLI asks: over the unix socket, without a token. */
    local: (path: string, body?: unknown, headers: Record<string, string> = {}) =>
      ask({ socketPath }, path, body, headers),
    /** As a program asks that holds the token. */
    tcp: (path: string, body?: unknown, headers: Record<string, string> = {}) =>
      ask({ host: '127.0.0.1', port: tcpPort }, path, body, { authorization: `Bearer ${token}`, ...headers }),
    /** As a page of the gateway asks in a browser: with the session's cookie only. */
    page: (path: string, body: unknown, cookie: string) =>
      ask({ host: '127.0.0.1', port: tcpPort }, path, body, {
        cookie,
        origin: `http://127.0.0.1:${tcpPort}`
      }),
    /** As after a restart of the node: another gateway of the same home, on the same port. */
    async restart() {
      await gateway.close({ drainMs: 0 })
      const named = new NamedTokens({ store: node.home.tokens, clock: systemClock, log })
      const token = readGatewayToken(tokenPath)!
      gateway = new Gateway(components, { ...options, token, named, port: tcpPort })
      await gateway.start()
    },
    async [Symbol.asyncDispose]() {
      await gateway.close({ drainMs: 0 })
      await started[Symbol.asyncDispose]()
    }
  }
}

/** gRPC on any port, with a certificate in this home. */
export const grpcIn = (home: string) => ({
  host: '127.0.0.1',
  port: 0,
  certificate: async (names: readonly string[]) => serverCertificate(join(home, 'grpc.pem'), names)
})

/** The routes of a gateway for a caller that holds less than those of its listeners. */
export async function listenAs(
  { units }: { units: UnitRegistry },
  caller: Caller,
  { listener, faces }: { listener?: Adoptable; faces?: typeof FACES } = {}
) {
  const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }
  const { signal: closing } = new AbortController()
  const app = createApp(
    { units, aliases: {}, sessions: new Sessions(systemClock), clock: systemClock, log, closing },
    faces
  )
  const server = createServer(
    getRequestListener((request, env) => app.fetch(request, { ...env, caller, listener }), {
      overrideGlobalObjects: false
    })
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    send: (path: string, body: unknown) =>
      ask({ host: '127.0.0.1', port }, path, body, { accept: 'application/json, text/event-stream' }),
    async post(path: string, body: unknown) {
      const answer = await ask({ host: '127.0.0.1', port }, path, body, {})
      return { status: answer.status, error: answer.body.error }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    }
  }
}

/** A new session's id, and its cookie as a line of a request. */
export async function cookieOf(gateway: Awaited<ReturnType<typeof startGateway>>): Promise<[string, string]> {
  const { headers } = await gateway.tcp('/api/v2/session', {})
  const [pair] = headers['set-cookie']![0]!.split(';')
  return [pair!.split('=')[1]!, `Cookie: ${pair}`]
}

type Where = { socketPath: string } | { host: string; port: number }

async function ask(
  where: Where,
  path: string,
  body: unknown,
  headers: Record<string, string>
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const content =
    body === undefined
      ? undefined
      : typeof body === 'string' || body instanceof Uint8Array
        ? body
        : JSON.stringify(body)
  const type: Record<string, string> = content === undefined ? {} : { 'content-type': 'application/json' }
  const method = content === undefined ? 'GET' : 'POST'
  const request = httpRequest({ ...where, path, method, headers: { ...type, ...headers }, agent: false })
  request.on('error', reject)
  request.on('response', async response => {
    const words = await text(response)
    const json = response.headers['content-type']?.startsWith('application/json')
    resolve({
      status: response.statusCode!,
      headers: response.headers,
      body: json ? JSON.parse(words) : words
    })
  })
  request.end(content)
  return promise
}

/** The status of a request written by hand, byte for byte, or 0 when the connection just closed. */
export async function rawStatus(port: number, request: string, ip = '127.0.0.1'): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const socket = connect(port, ip)
  let received = ''
  socket.on('error', reject)
  socket.on('data', data => {
    received += data.toString('latin1')
    const status = /^HTTP\/1\.1 (\d{3})/.exec(received)?.[1]
    if (status !== undefined) {
      resolve(Number(status))
      socket.destroy()
    }
  })
  socket.on('close', () => resolve(0))
  socket.write(request)
  return promise
}
