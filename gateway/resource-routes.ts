/**
 * Resources over HTTP, in the form that browsers resume by themselves: the id of a piece is the version of the
 * resource, and `Last-Event-ID` asks for what changed since.
 */

import { type Context, Hono } from 'hono'
import { InvalidInputError } from '../interface/errors.ts'
import type { AppComponents, AppEnv } from './app-env.ts'
import { JSON_HEADERS, metaOf, successBody } from './envelope.ts'
import { type SsePiece, sseBody, sseResponse } from './sse.ts'
import { contextOf } from './units.ts'

/** Longer than what the unit takes, escaped: bounds what is decoded here. */
const PATH_CHARS_MAX = 4096

export function resourceRoutes({ units, clock, closing }: AppComponents): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()

  routes.get('/resources', async c => {
    const call = c.get('call')
    call.unit = 'resource.list'
    return answer(await units.execute(call.unit, {}, contextOf({}, c)), c)
  })

  routes.get('/resource/*', async c => {
    const { uri, isWatch } = addressIn(c.env.incoming.url ?? '')
    if (isWatch) return watch(uri, c)
    const call = c.get('call')
    call.unit = 'resource.read'
    const context = { ...contextOf({}, c), peer: c.req.query('peer') }
    return answer(await units.execute(call.unit, { uri }, context), c)
  })

  function watch(uri: string, c: Context<AppEnv>): Response {
    const call = c.get('call')
    call.unit = 'resource.watch'
    // A browser sends the header when it connects again, and then it knows better than the address.
    const since = c.req.header('last-event-id') ?? c.req.query('since')
    // A watch has no end of its own, so closing the gateway ends it.
    const signal = AbortSignal.any([c.get('gone'), closing])
    const items = units.stream(
      call.unit,
      { uri, ...(since && { since }) },
      { ...contextOf({}, c), peer: c.req.query('peer'), signal }
    )
    const body = sseBody(piecesOf(items), { clock, meta: () => metaOf(call, clock.monotonicMs()) })
    return sseResponse(body, c.env.incoming)
  }

  const answer = (data: unknown, c: Context<AppEnv>) =>
    new Response(successBody(data, c.get('call'), clock.monotonicMs()), { headers: JSON_HEADERS })

  return routes
}

type Item = { readonly type: string; readonly id: string }

async function* piecesOf(items: AsyncIterable<unknown>): AsyncGenerator<SsePiece> {
  for await (const data of items as AsyncIterable<Item>) yield { id: data.id, event: data.type, data }
}

/** Of the request itself; other parameters are filters of the resource. */
const OWN_PARAMETERS = ['peer', 'since']

/** The address as one escaped step, or as the rest of the path; each step of it may be escaped, too. */
function addressIn(url: string): { uri: string; isWatch: boolean } {
  const [, rest = '', query = ''] = /^\/api\/v2\/resource\/([^?]*)\??(.*)/.exec(url) ?? []
  const filters = new URLSearchParams(query)
  for (const name of OWN_PARAMETERS) filters.delete(name)
  const { uri, isWatch } = pathIn(rest)
  if (filters.size === 0) return { uri, isWatch }
  return { uri: `${uri}${uri.includes('?') ? '&' : '?'}${filters}`, isWatch }
}

function pathIn(rest: string): { uri: string; isWatch: boolean } {
  if (rest.length > PATH_CHARS_MAX) throw new InvalidInputError('The address of the resource is too long.')
  const isWatch = rest.endsWith('/watch')
  const given = isWatch ? rest.slice(0, -'/watch'.length) : rest
  if (given.includes('/')) return { uri: given, isWatch }
  try {
    return { uri: decodeURIComponent(given), isWatch }
  } catch {
    throw new InvalidInputError('The address of the resource has a % that escapes nothing.')
  }
}
