/**
 * Kept answers over HTTP, in the form that browsers resume by themselves: the id of a piece is its index, and
 * `Last-Event-ID` asks for those after it.
 */

import { Hono } from 'hono'
import type { InferenceChunk } from '../interface/chunks.ts'
import { InvalidInputError } from '../interface/errors.ts'
import type { SnakeCase } from '../interface/snake-case.ts'
import type { AppComponents, AppEnv } from './app-env.ts'
import { JSON_HEADERS, metaOf, successBody } from './envelope.ts'
import { type SsePiece, sseBody, sseResponse } from './sse.ts'
import { contextOf } from './units.ts'

export function answerRoutes({ units, clock }: AppComponents): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()

  routes.on(['GET', 'DELETE'], '/answers/:id', async c => {
    const call = c.get('call')
    const isGet = c.req.method === 'GET'
    call.unit = isGet ? 'inference.answer' : 'inference.cancel'
    const context = { ...contextOf({}, c), peer: isGet ? c.req.query('peer') : undefined }
    const data = await units.execute(call.unit, { id: c.req.param('id') }, context)
    return new Response(successBody(data, call, clock.monotonicMs()), { headers: JSON_HEADERS })
  })

  routes.get('/answers/:id/stream', c => {
    const call = c.get('call')
    call.unit = 'inference.attach'
    // A browser sends the header when it connects again, and then it knows better than the address.
    const last = c.req.header('last-event-id')
    const from = last === undefined ? indexOf(c.req.query('from') ?? '0') : indexOf(last) + 1
    const context = { ...contextOf({}, c), peer: c.req.query('peer') }
    const items = units.stream(call.unit, { id: c.req.param('id'), from }, context)
    const body = sseBody(piecesOf(items), { clock, meta: () => metaOf(call, clock.monotonicMs()) })
    return sseResponse(body, c.env.incoming)
  })

  return routes
}

async function* piecesOf(items: AsyncIterable<unknown>): AsyncGenerator<SsePiece> {
  for await (const data of items as AsyncIterable<SnakeCase<InferenceChunk>>) {
    // Progress is no part of the answer: it is not numbered.
    yield { event: 'item', data, ...(data.type !== 'progress' && { id: String(data.index) }) }
  }
}

function indexOf(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new InvalidInputError('from and Last-Event-ID are the index of a chunk.')
}
