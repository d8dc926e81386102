/**
 * A browser's way in and out: `POST /api/v2/session` with a bearer token, or with the code of a link, answers with a
 * cookie, `GET` says what it opens, and `DELETE` ends it.
 *
 * The page gets the code in the fragment of its link (`#open=…`), which no browser sends anywhere, shows it here once, and
 * forgets it. A link that the gateway itself read would leave the code in histories and logs, and would let a mere GET
 * change something.
 */

import { Hono } from 'hono'
import { LumosError } from '../interface/errors.ts'
import type { AppComponents, AppEnv } from './app-env.ts'
import type { BodyReader } from './body.ts'
import { JSON_HEADERS, successBody } from './envelope.ts'
import { SESSION_AGE_MAX_S, sessionCookie, sessionIdsOf } from './sessions.ts'

/** The body says nothing. */
const BODY_BYTES_MAX = 1024

export interface SessionRouteComponents extends AppComponents {
  readonly bodies: BodyReader
}

export function sessionRoutes({ sessions, clock, bodies, units }: SessionRouteComponents): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()

  routes.post('/session', async c => {
    const { incoming } = c.env
    const port = incoming.socket.localPort
    if (c.env.caller.origin !== 'tcp' || port === undefined)
      throw new LumosError('DENIED', 'A session is for browsers, which come over TCP.')
    await bodies.readJson(c.env, BODY_BYTES_MAX)
    const body = successBody({ max_age_s: SESSION_AGE_MAX_S }, c.get('call'), clock.monotonicMs())
    return new Response(body, {
      headers: { ...JSON_HEADERS, 'set-cookie': sessionCookie(port, sessions.begin(c.env.caller)) }
    })
  })

  routes.get('/session', c => {
    const body = successBody({ units: units.namesFor(c.env.caller) }, c.get('call'), clock.monotonicMs())
    return new Response(body, { headers: JSON_HEADERS })
  })

  routes.delete('/session', c => {
    const { incoming } = c.env
    for (const id of sessionIdsOf(incoming)) sessions.end(id)
    const body = successBody({}, c.get('call'), clock.monotonicMs())
    return new Response(body, {
      headers: { ...JSON_HEADERS, 'set-cookie': sessionCookie(incoming.socket.localPort ?? 0, '', 0) }
    })
  })

  return routes
}
