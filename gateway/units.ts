/** Units over HTTP. */

import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { InvalidInputError } from '../interface/errors.ts'
import { DEFAULT_BUDGET_MS, MAX_BUDGET_MS } from '../interface/inference.ts'
import type { UnitContext } from '../interface/units.ts'
import type { AppComponents, AppEnv } from './app-env.ts'
import { ANY_BODY_BYTES_MAX, type BodyReader, bodyBytesMax, checkBodyBytes } from './body.ts'
import { type Call, JSON_HEADERS, metaOf, successBody } from './envelope.ts'
import { itemsOf, SSE_HEADERS, sseBody } from './sse.ts'

const NAME_CHARS_MAX = 128

const Execute = z.strictObject({
  /** Checked when given: a query that turns out to be a command is not run. */
  type: z.enum(['command', 'query']).optional(),
  unit: z.string().min(1).max(NAME_CHARS_MAX),
  input: z.unknown().optional(),
  options: z
    .strictObject({
      timeout_ms: z.int().min(1).max(MAX_BUDGET_MS).default(DEFAULT_BUDGET_MS),
      /** PeerId or name of the only peer that may do the work. */
      peer: z.string().min(1).max(NAME_CHARS_MAX).optional()
    })
    .prefault({})
})
type Execute = z.infer<typeof Execute>

export interface UnitRouteComponents extends AppComponents {
  readonly bodies: BodyReader
}

export function unitRoutes({ units, clock, bodies }: UnitRouteComponents): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()

  routes.post('/execute', async c => {
    const { type, ...request } = readExecute(
      await bodies.readJson(c.env.incoming, ANY_BODY_BYTES_MAX),
      c.get('call')
    )
    units.get(request.unit, type)
    return answer(await units.execute(request.unit, request.input, contextOf(request, c)), c.get('call'))
  })

  routes.post('/stream', async c => {
    const call = c.get('call')
    const { type, ...request } = readExecute(await bodies.readJson(c.env.incoming, ANY_BODY_BYTES_MAX), call)
    units.get(request.unit, type)
    const items = itemsOf(units.stream(request.unit, request.input, contextOf(request, c)))
    return new Response(sseBody(items, { clock, meta: () => metaOf(call, clock.monotonicMs()) }), {
      headers: SSE_HEADERS
    })
  })

  routes.post('/:kind{command|query}/:unit', async c => {
    const unit = c.req.param('unit')
    const call = c.get('call')
    call.unit = units.get(unit, c.req.param('kind') as 'command' | 'query').name
    const { value } = await bodies.readJson(c.env.incoming, bodyBytesMax(unit))
    const context = contextOf({}, c)
    return answer(await units.execute(unit, value, context), call)
  })

  const answer = (data: unknown, call: Call) =>
    new Response(successBody(data, call, clock.monotonicMs()), { headers: JSON_HEADERS })

  return routes
}

function readExecute({ value, bytes }: { value: unknown; bytes: number }, call: Call): Execute {
  const read = Execute.safeParse(value)
  if (!read.success) {
    const words = read.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`)
    throw new InvalidInputError(words.join('; '))
  }
  call.unit = read.data.unit
  checkBodyBytes(read.data.unit, bytes)
  return { ...read.data, input: read.data.input ?? {} }
}

/** What a unit is told of a request; without options, what holds when nothing is said. */
export function contextOf({ options }: Partial<Pick<Execute, 'options'>>, c: Context<AppEnv>): UnitContext {
  const { call, gone } = c.var
  return {
    requestId: call.requestId,
    door: c.env.door,
    budgetMs: options?.timeout_ms ?? DEFAULT_BUDGET_MS,
    peer: options?.peer,
    signal: gone,
    onRoute(route) {
      call.route = route
    }
  }
}
