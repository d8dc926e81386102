/**
 * Kept answers over HTTP, in the form that browsers resume by themselves: the id of a piece is its index, and
 * `Last-Event-ID` asks for those after it.
 */

import { Hono } from 'hono'
import type { DataChunk, InferenceChunk } from '../interface/chunks.ts'
import { InvalidInputError, LumosError } from '../interface/errors.ts'
import type { SnakeCase } from '../interface/snake-case.ts'
import type { AppComponents, AppEnv } from './app-env.ts'
import { bytesResponse } from './bytes.ts'
import { JSON_HEADERS, metaOf, successBody } from './envelope.ts'
import { type SsePiece, sseBody, sseResponse } from './sse.ts'
import { contextOf } from './units.ts'

export function answerRoutes({ units, clock, log }: AppComponents): Hono<AppEnv> {
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

  routes.get('/answers/:id/media/:part', async c => {
    c.get('call').unit = 'inference.attach'
    const { id, part } = c.req.param()
    const context = { ...contextOf({}, c), peer: c.req.query('peer') }
    const pieces = mediaOf(units.stream('inference.attach', { id, from: 0 }, context), indexOf(part))
    const first = await pieces.next()
    if (first.done) throw new LumosError('ANSWER_UNKNOWN', `The answer has no media part ${part}.`)
    const { mime, bytes } = first.value
    return bytesResponse(c, { log }, { first: bytes, rest: bytesOf(pieces), headers: mediaHeaders(mime) })
  })

  return routes
}

/** What a browser may show. It runs nothing of these types. */
const SHOWN = /^(?:audio|video)\/[\w.+-]+$|^image\/(?:avif|gif|jpeg|png|webp)$/

/** The type is the word of the device that answered: a page or a drawing of it would run in the name of the gateway. */
const mediaHeaders = (mime: string): Record<string, string> => ({
  ...JSON_HEADERS,
  'content-security-policy': "default-src 'none'; sandbox",
  ...(SHOWN.test(mime)
    ? { 'content-type': mime }
    : { 'content-type': 'application/octet-stream', 'content-disposition': 'attachment' })
})

type Media = Pick<DataChunk, 'mime' | 'bytes'>

async function* mediaOf(items: AsyncIterable<unknown>, part: number): AsyncGenerator<Media> {
  for await (const chunk of items as AsyncIterable<InferenceChunk>) {
    if (chunk.type === 'data' && chunk.part === part) yield chunk
  }
}

async function* bytesOf(pieces: AsyncGenerator<Media>): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of pieces) yield bytes
}

async function* piecesOf(items: AsyncIterable<unknown>): AsyncGenerator<SsePiece> {
  for await (const data of items as AsyncIterable<SnakeCase<InferenceChunk>>) {
    // Progress is no part of the answer: it is not numbered.
    yield { event: 'item', data, ...(data.type !== 'progress' && { id: String(data.index) }) }
  }
}

function indexOf(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new InvalidInputError('from, Last-Event-ID and a part are numbers.')
}
