/** The gateway's routes, for requests that have already been let in. */

import type { ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import { CancelledError, LumosError } from '../interface/errors.ts'
import type { AppComponents, AppEnv } from './app-env.ts'
import { BodyReader } from './body.ts'
import { type Call, failureBody, failureHead, headersOf, newCall } from './envelope.ts'
import { FACES, type Face, faceOf } from './faces.ts'
import { JsonThread } from './json-thread.ts'
import { notLoaded } from './not-loaded.ts'
import { isAdopted, isOpenaiPath } from './paths.ts'
import { refuse } from './refuse.ts'
import { clientRequestId } from './trace.ts'
import { dropUnreadBody } from './unread-body.ts'

export interface App {
  /** Never fails. @param bindings as `AppEnv` has them. */
  fetch(request: Request, bindings: object): Promise<Response>
}

export function createApp(components: AppComponents, faces = FACES): App {
  const { units, clock, log } = components
  const own = { ...components, bodies: new BodyReader(units.inputBytesMax, new JsonThread(clock)) }
  const apps = new Map<Face, Promise<Hono<AppEnv>>>()

  function appOf(face: Face): Promise<Hono<AppEnv>> {
    const known = apps.get(face)
    if (known !== undefined) return known
    const loaded = faces[face](own).then(([base, routes]) => appWith(components).route(base, routes))
    apps.set(face, loaded)
    return loaded
  }

  return {
    async fetch(request, bindings) {
      const env = bindings as AppEnv['Bindings']
      const face = faceOf(env)
      let app: Hono<AppEnv>
      try {
        app = await appOf(face)
      } catch (err) {
        // The next request tries again: files may lie there by then.
        apps.delete(face)
        log.error({ err, face }, 'could not load a part of the gateway; the node goes on')
        refuse(env.outgoing, notLoaded(err), clock)
        return RESPONSE_ALREADY_SENT
      }
      return app.fetch(request, env)
    }
  }
}

/** What all faces have in common. */
function appWith(components: AppComponents): Hono<AppEnv> {
  const { units, clock, log } = components
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
    log.error({ err: thrown, ...namesOf(call, c) }, 'A request met an unexpected error.')
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
