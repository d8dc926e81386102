/**
 * Events over HTTP, in the form that browsers resume by themselves: the id of a piece is the place of the event, and
 * `Last-Event-ID` asks for those after it.
 */

import { Hono } from 'hono'
import { type EventPosition, eventId } from '../interface/events.ts'
import type { AppComponents, AppEnv } from './app-env.ts'
import { metaOf } from './envelope.ts'
import { type SsePiece, sseBody, sseResponse } from './sse.ts'
import { contextOf } from './units.ts'

/** A unit, like all else: what it takes is checked there. */
const UNIT = 'event.list'

type Item = EventPosition & { readonly type: string }

export function eventRoutes({ units, clock, closing }: AppComponents): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()

  routes.get('/events', c => {
    const call = c.get('call')
    call.unit = UNIT
    const names = c.req.queries('name')
    // A browser sends the header when it connects again, and then it knows better than the address.
    const since = c.req.header('last-event-id') ?? c.req.query('since')
    const context = contextOf({}, c)
    // Events have no end of their own, so closing the gateway ends them.
    const signal = AbortSignal.any([c.get('gone'), closing])
    const items = units.stream(
      UNIT,
      { ...(names && { names }), ...(since && { since }) },
      { ...context, signal }
    )
    const body = sseBody(piecesOf(items), { clock, meta: () => metaOf(call, clock.monotonicMs()) })
    return sseResponse(body, c.env.incoming)
  })

  return routes
}

async function* piecesOf(items: AsyncIterable<unknown>): AsyncGenerator<SsePiece> {
  for await (const data of items as AsyncIterable<Item>) yield { id: eventId(data), event: data.type, data }
}
