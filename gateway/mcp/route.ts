/**
 * `/mcp`: the units as tools over streamable HTTP, for clients of both eras of the protocol. Each
 * request was admitted before, as for every route.
 */

import type {
  McpHandlerRequestOptions,
  McpHttpHandler,
  McpServerFactory,
  ServerContext
} from '@modelcontextprotocol/server'
import { type Context, Hono } from 'hono'
import { ERROR_MEANINGS, toLumosError } from '../../interface/errors.ts'
import { isRecord } from '../../interface/record.ts'
import type { Caller } from '../../interface/units.ts'
import type { AppComponents, AppEnv } from '../app-env.ts'
import { type BodyReader, tooLarge } from '../body.ts'
import { JSON_HEADERS } from '../envelope.ts'
import type { McpServerOptions, WatchRoom } from './calls.ts'
import { isListen, listenOverHttp } from './listen.ts'
import { registryCalls } from './registry-calls.ts'
import { createMcpServer } from './server.ts'
import { McpSessions } from './sessions.ts'
import { choiceOf, toolName } from './tools.ts'

/** What stands around the arguments of a tool. */
const ENVELOPE_BYTES_MAX = 16 * 1024
/** JSON-RPC's code of a request that cannot be read. */
const INVALID_REQUEST = -32600
const SESSION_HEADER = 'mcp-session-id'

export interface McpComponents extends AppComponents {
  readonly bodies: BodyReader
}

type Choice = ReturnType<typeof choiceOf>

interface Served {
  readonly sdk: typeof import('@modelcontextprotocol/server')
  readonly modern: McpHttpHandler
  readonly sessions: McpSessions
  /** One stream of `subscriptions/listen`. */
  listen(request: Request, options: McpHandlerRequestOptions & { authInfo: Auth }): Promise<Response>
}

/** @param makeServer the server of one session, or of one request. */
export function mcpRoutes(components: McpComponents, makeServer = createMcpServer): Hono<AppEnv> {
  const { units, bodies, closing } = components
  const routes = new Hono<AppEnv>()
  let loaded: Promise<Served> | undefined
  const serve = (): Promise<Served> => {
    loaded ??= load(components, makeServer).catch((err: unknown) => {
      loaded = undefined
      throw err
    })
    return loaded
  }
  closing.addEventListener('abort', () => void loaded?.then(endOf, () => {}))

  routes.all('/', async c => {
    const chosen = choiceOf(c.req.query('tools'))
    const isPost = c.req.method === 'POST'
    const parsedBody = isPost ? await readMessage(c) : undefined
    return respond(await serve(), c, { chosen, parsedBody })
  })

  /** The size of the arguments is held by the unit that the tool is. */
  async function readMessage(c: Context<AppEnv>): Promise<unknown> {
    const { value, bytes } = await bodies.readJson(c.env, units.inputBytesMax + ENVELOPE_BYTES_MAX)
    const params = isRecord(value) && isRecord(value.params) ? value.params : {}
    const unit = units.list().find(({ name }) => toolName(name) === params.name)
    const limit = (unit?.input_bytes_max ?? ENVELOPE_BYTES_MAX) + ENVELOPE_BYTES_MAX
    if (bytes > limit) throw tooLarge(limit)
    c.var.call.unit = unit?.name ?? 'mcp'
    return value
  }

  routes.onError(err => {
    const error = toLumosError(err)
    if (error.code === 'INTERNAL') components.log.error({ err }, 'a request of /mcp failed')
    const message = [error.message, error.hint].filter(Boolean).join(' ')
    const body = { jsonrpc: '2.0', id: null, error: { code: INVALID_REQUEST, message } }
    return new Response(JSON.stringify(body), {
      status: ERROR_MEANINGS[error.code].status,
      headers: JSON_HEADERS
    })
  })
  return routes
}

/** Loaded with the first request: the library is some megabytes. */
async function load(
  { units, clock, log, closing }: McpComponents,
  makeServer: typeof createMcpServer
): Promise<Served> {
  const sdk = await import('@modelcontextprotocol/server')
  const onFailure = (err: unknown) => log.error({ err }, 'a tool met an unexpected error')
  const callsOf = (context: ServerContext) =>
    registryCalls(units, callerOf(context), extraOf(context).traceId)
  const serverOf = (more: Pick<McpServerOptions, 'room' | 'listens'>) =>
    makeServer(sdk, { chosenBy, callsOf, tellsOfTools: false, gone: closing, onFailure, ...more })
  const rooms = new WeakMap<Caller, WatchRoom>()
  const roomOf = (caller: Caller): WatchRoom => {
    const room = rooms.get(caller) ?? { taken: 0 }
    rooms.set(caller, room)
    return room
  }
  const modernServer: McpServerFactory = ({ era }) => serverOf({ listens: era === 'modern' })
  return {
    sdk,
    modern: sdk.createMcpHandler(modernServer, { onerror() {} }),
    sessions: new McpSessions(sdk, clock, caller => serverOf({ room: roomOf(caller) })),
    listen(request, options) {
      const { caller } = options.authInfo.extra
      const [calls, room] = [registryCalls(units, caller), roomOf(caller)]
      const ends = caller.ended === undefined ? [closing] : [closing, caller.ended]
      return listenOverHttp(sdk, modernServer, { request, options, calls, room, ends })
    }
  }
}

interface Asked {
  readonly chosen: Choice
  readonly parsedBody: unknown
}

async function respond(
  { sdk, modern, sessions, listen }: Served,
  c: Context<AppEnv>,
  { chosen, parsedBody }: Asked
): Promise<Response> {
  const { caller } = c.env
  const request = c.req.raw
  const options = {
    authInfo: authOf(caller, chosen, c.var.call.trace.given),
    ...(parsedBody !== undefined && { parsedBody })
  }
  if (!(await sdk.isLegacyRequest(request, parsedBody ?? null)))
    return isListen(parsedBody) ? listen(request, options) : modern.fetch(request, options)

  const id = c.req.header(SESSION_HEADER)
  if (id !== undefined) {
    const transport = sessions.find(id, caller)
    if (transport !== undefined) return transport.handleRequest(request, options)
    const error = { code: INVALID_REQUEST, message: 'There is no such session. Begin another by initialize.' }
    return c.json({ jsonrpc: '2.0', id: null, error }, 404)
  }
  const begins = [parsedBody].flat().some(message => isRecord(message) && message.method === 'initialize')
  if (begins) return (await sessions.begin(caller)).handleRequest(request, options)
  // A call by hand, without a session: it is served alone.
  return modern.fetch(request, options)
}

async function endOf({ modern, sessions }: Served): Promise<void> {
  await Promise.all([modern.close(), sessions.endAll()])
}

/** How the library hands on whose request it is, and which tools it is for. */
const authOf = (caller: Caller, chosen: Choice, traceId: string | undefined) => ({
  ...{ token: '', clientId: '', scopes: [], extra: { caller, chosen, traceId } }
})

type Auth = ReturnType<typeof authOf>

const extraOf = ({ http }: ServerContext) => http!.authInfo!.extra as Auth['extra']

const callerOf = (context: ServerContext): Caller => extraOf(context).caller

const chosenBy = (context: ServerContext): Choice => extraOf(context).chosen
