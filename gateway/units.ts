/** Units over HTTP. */

import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { InvalidInputError } from '../interface/errors.ts'
import { DEFAULT_BUDGET_MS, MAX_BUDGET_MS } from '../interface/inference.ts'
import { issueWords } from '../interface/issue-words.ts'
import { RoutingPolicy } from '../interface/routing.ts'
import { INPUT_BYTES_MAX, type Unit, type UnitContext } from '../interface/units.ts'
import { checkPermission, inputBytesMaxOf } from '../units/index.ts'
import type { AppComponents, AppEnv } from './app-env.ts'
import { type BodyReader, type JsonBody, tooLarge } from './body.ts'
import { inPieces, KEY, keepingOf } from './call-options.ts'
import { Calls } from './calls.ts'
import { metaOf } from './envelope.ts'
import { itemsOf, type SsePiece, sseBody, sseResponse } from './sse.ts'
import { unitNamedIn } from './unit-name.ts'
import { piecesAndWhole } from './whole.ts'

export const NAME_CHARS_MAX = 128
/** What stands around the input: two names and a number. */
const ENVELOPE_BYTES_MAX = 4 * 1024

const Execute = z.strictObject({
  /** Checked when given: a query that turns out to be a command is not run. */
  type: z.enum(['command', 'query']).optional(),
  unit: z.string().min(1).max(NAME_CHARS_MAX),
  input: z.unknown().optional(),
  options: z
    .strictObject({
      timeout_ms: z.int().min(1).max(MAX_BUDGET_MS).default(DEFAULT_BUDGET_MS),
      /** PeerId or name of the only peer that may do the work. */
      peer: z.string().min(1).max(NAME_CHARS_MAX).optional(),
      /** By which policy a peer is chosen. */
      policy: RoutingPolicy.optional(),
      /** `none`: an answer that is cut ends there. */
      continuation: z.literal('none').optional(),
      /** The devices that answer sign what they answer. */
      receipt: z.boolean().optional(),
      /** Of a stream: after its items comes what `execute` would have given. */
      whole: z.boolean().optional(),
      /** The answer is asked for later. */
      async: z.boolean().optional(),
      /** A repetition with the same one runs nothing again. */
      idempotency_key: z.string().regex(KEY).optional()
    })
    .prefault({})
})
type Execute = z.infer<typeof Execute>

export interface UnitRouteComponents extends AppComponents {
  readonly bodies: BodyReader
}

export function unitRoutes({ bodies, ...components }: UnitRouteComponents): Hono<AppEnv> {
  const { units, clock, closing } = components
  const routes = new Hono<AppEnv>()
  const calls = new Calls(components)

  routes.route('/', calls.routes())

  routes.post('/execute', async c => {
    const { type, ...request } = await readExecute(c)
    return calls.answer(c, request, contextFor(units.get(request.unit, type), request, c, closing))
  })

  routes.post('/stream', async c => {
    const call = c.get('call')
    const { type, ...request } = await readExecute(c)
    const unit = units.get(request.unit, type)
    const { key, isAsync } = keepingOf(c, request.options)
    if (key !== undefined || (isAsync && request.options.async)) throw inPieces()
    const body = sseBody(piecesOf(units, request, contextFor(unit, request, c, closing)), {
      clock,
      meta: () => metaOf(call, clock.monotonicMs())
    })
    return sseResponse(body, c.env.incoming, call.kept ? { 'x-lumos-answer': call.answerId } : {})
  })

  routes.post('/:kind{command|query}/:unit', c => {
    return run(c, units.get(c.req.param('unit'), c.req.param('kind') as 'command' | 'query'))
  })

  // As other platforms of this kind write it: `POST /api/v2/models/pull` is `model.pull`.
  routes.post('/:domain{[a-z]+}/:action{[a-z_]+}', c => {
    const { domain, action } = c.req.param()
    const name = [`${domain}.${action}`, `${domain.replace(/s$/, '')}.${action}`].find(name =>
      units.has(name)
    )
    if (name === undefined) return c.notFound()
    return run(c, units.get(name))
  })

  async function run(c: Context<AppEnv>, unit: Unit): Promise<Response> {
    c.get('call').unit = unit.name
    checkPermission(unit, c.env.caller)
    const { value } = await bodies.readJson(c.env, inputBytesMaxOf(unit))
    return calls.answer(c, { unit: unit.name, input: value }, contextFor(unit, {}, c, closing))
  }

  /** The size is held by the unit: as soon as the body has named it, and again for the one that it is for. */
  async function readExecute(c: Context<AppEnv>): Promise<Execute> {
    const bytesMax = units.inputBytesMax + ENVELOPE_BYTES_MAX
    const body = await bodies.readJson(c.env, bytesMax, head => limitOf(c, unitNamedIn(head)))
    const request = parseExecute(body)
    c.get('call').unit = request.unit
    const limit = limitOf(c, request.unit)
    if (body.bytes > limit) throw tooLarge(limit)
    return request
  }

  /** What the caller may not call is not read to its end. */
  function limitOf(c: Context<AppEnv>, name: string | undefined): number {
    if (name === undefined) throw tooLarge(INPUT_BYTES_MAX, 'Name the unit before its input.')
    const unit = units.get(name)
    checkPermission(unit, c.env.caller)
    return inputBytesMaxOf(unit) + ENVELOPE_BYTES_MAX
  }

  return routes
}

function piecesOf(
  units: AppComponents['units'],
  { unit, input, options }: Omit<Execute, 'type'>,
  context: UnitContext
): AsyncIterable<SsePiece> {
  if (!options.whole) return itemsOf(units.stream(unit, input, context))
  return piecesAndWhole(onPiece => units.execute(unit, input, { ...context, onPiece }))
}

function parseExecute({ value }: JsonBody): Execute {
  const read = Execute.safeParse(value)
  if (!read.success) {
    const words = read.error.issues.map(issue => `${issue.path.join('.') || 'body'}: ${issueWords(issue)}`)
    throw new InvalidInputError(words.join('; '))
  }
  return { ...read.data, input: read.data.input ?? {} }
}

/** The same for a unit: what has no end of its own ends with the gateway. */
function contextFor(
  { endless }: Unit,
  request: Parameters<typeof contextOf>[0],
  c: Context<AppEnv>,
  closing: AbortSignal
): UnitContext {
  const context = contextOf(request, c)
  return endless ? { ...context, signal: AbortSignal.any([c.get('gone'), closing]) } : context
}

/** What a unit is told of a request; without options, what holds when nothing is said. */
export function contextOf(
  { options }: { readonly options?: Execute['options'] | undefined },
  c: Context<AppEnv>
): UnitContext {
  const { call, gone } = c.var
  return {
    requestId: call.requestId,
    caller: c.env.caller,
    budgetMs: options?.timeout_ms ?? DEFAULT_BUDGET_MS,
    peer: options?.peer,
    policy: options?.policy,
    continuation: options?.continuation,
    receipt: options?.receipt ?? c.req.header('x-lumos-receipt') === 'true',
    traceId: call.trace.given,
    signal: gone,
    answer: {
      id: call.answerId,
      durable: c.req.header('x-lumos-durable') === 'true',
      onKept() {
        call.kept = true
      }
    },
    onRoute(route) {
      call.route = route
    }
  }
}
