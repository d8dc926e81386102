/** The gateway's routes, for requests that have already been let in. */

import type { ServerResponse } from 'node:http'
import { type Context, Hono } from 'hono'
import { CancelledError, LumosError } from '../interface/errors.ts'
import { answerRoutes } from './answer-routes.ts'
import { anthropicRoutes } from './anthropic/index.ts'
import type { AppComponents, AppEnv } from './app-env.ts'
import { BodyReader } from './body.ts'
import { type Call, failureBody, failureHead, headersOf, newCall } from './envelope.ts'
import { eventRoutes } from './event-routes.ts'
import { JsonThread } from './json-thread.ts'
import { kserveRoutes } from './kserve/index.ts'
import { listingRoutes } from './listing.ts'
import { lmStudioRoutes } from './lmstudio/index.ts'
import { mcpRoutes } from './mcp/route.ts'
import { metricRoutes } from './metric-routes.ts'
import { aliveRoute, ollamaRoutes } from './ollama/index.ts'
import { isOpenaiPath, openaiRoutes } from './openai/index.ts'
import { pageRoutes } from './page.ts'
import { isAdopted } from './paths.ts'
import { resourceRoutes } from './resource-routes.ts'
import { sessionRoutes } from './session-routes.ts'
import { clientRequestId } from './trace.ts'
import { unitRoutes } from './units.ts'
import { dropUnreadBody } from './unread-body.ts'

export function createApp(components: AppComponents): Hono<AppEnv> {
  const { units, clock, log, closing } = components
  const app = new Hono<AppEnv>()

  app.use(async (c, next) => {
    const { incoming, outgoing, listener } = c.env
    const call = newCall(clock, incoming, units.newAnswerId())
    c.set('call', call)
    c.set('gone', goneSignal(outgoing))
    // Before there is an answer: each header that is added to one makes another of it.
    for (const [name, value] of Object.entries(headersOf(call))) outgoing.setHeader(name, value)
    if (listener === undefined || isAdopted(listener, c.req.path)) await next()
    else c.res = failure(c, new LumosError('DENIED', 'This path is not answered on this port.'), components)
    const text = c.get('text')
    log.debug({ ...namesOf(call, c), status: (text ?? c.res).status }, 'answered a request')
    // Nothing reads it, and so nothing would end it.
    if (c.req.method === 'HEAD') await c.res.body?.cancel()
    dropUnreadBody(outgoing, clock)
    if (text !== undefined) outgoing.writeHead(text.status, text.headers).end(text.body)
  })

  const alive = (c: Context) => c.json({ status: 'ok' })
  const ready = (c: Context) =>
    closing.aborted ? c.json({ status: 'stopping' }, 503, { 'retry-after': '1' }) : c.json({ status: 'ok' })
  app.get('/health/live', alive)
  app.get('/health/ready', ready)
  app.get('/api/v2/health', ready)
  app.route('/', listingRoutes(components))
  app.route('/', metricRoutes(components))
  const bodies = new BodyReader(units.inputBytesMax, new JsonThread(clock))
  app.route('/api/v2', sessionRoutes({ ...components, bodies }))
  app.route('/api/v2', eventRoutes(components))
  app.route('/api/v2', answerRoutes(components))
  app.route('/api/v2', resourceRoutes(components))
  app.route('/api/v2', unitRoutes({ ...components, bodies }))
  app.route('/v1', anthropicRoutes({ ...components, bodies }))
  app.route('/v1', openaiRoutes({ ...components, bodies }))
  app.route('/mcp', mcpRoutes({ ...components, bodies }))
  app.route('/api/v0', lmStudioRoutes({ ...components, bodies }))
  app.route('/v2', kserveRoutes({ ...components, bodies }))
  // Elsewhere the root is for people.
  app.get('/', aliveRoute)
  app.route('/api', ollamaRoutes({ ...components, bodies }))
  app.route('/', pageRoutes())

  app.notFound(c => {
    const { method, path } = c.req
    const base = isOpenaiPath(`/v1${path}`) ? " The base URL of OpenAI's protocol ends with /v1." : ''
    const message = `There is no ${method} ${path.slice(0, 128)}.${base}`
    return failure(
      c,
      new LumosError('ROUTE_NOT_FOUND', message, { hint: 'See GET /api/v2/units.' }),
      components
    )
  })
  app.onError((err, c) => failure(c, err, components))
  return app
}

function failure(c: Context<AppEnv>, thrown: unknown, { clock, log }: AppComponents): Response {
  const call = c.get('call')
  const { error, status, headers } = failureHead(thrown, call)
  if (error.code === 'INTERNAL')
    log.error({ err: thrown, ...namesOf(call, c) }, 'A request met an error that nobody expected.')
  return new Response(failureBody(error, call, clock.monotonicMs()), { status, headers })
}

/** By which the client and other devices know the request. */
const namesOf = ({ unit, requestId, trace }: Call, c: Context<AppEnv>) => ({
  ...{ unit, requestId, traceId: trace.traceId },
  clientRequestId: clientRequestId(c.req.header('x-request-id'))
})

function goneSignal(outgoing: ServerResponse): AbortSignal {
  const gone = new AbortController()
  outgoing.on('close', () => {
    if (!outgoing.writableFinished) gone.abort(new CancelledError('The client is gone.'))
  })
  return gone.signal
}
