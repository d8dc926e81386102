/** `AIMAService`: units over gRPC. */

import * as z from 'zod'
import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import { issueWords } from '../../interface/issue-words.ts'
import { RoutingPolicy } from '../../interface/routing.ts'
import { INPUT_BYTES_MAX, type Route, type UnitContext } from '../../interface/units.ts'
import { inputBytesMaxOf, type UnitRegistry } from '../../units/index.ts'
import { fingerprintOf, inPieces, keyOf, REPLAYED } from '../call-options.ts'
import { type Call, headersOf, metaOf, newCall } from '../envelope.ts'
import { NAME_CHARS_MAX } from '../units.ts'
import type { LimitOf } from './call.ts'
import {
  decodeRequest,
  decodeWatch,
  health,
  itemChunk,
  metaChunk,
  type Request,
  resourceUpdate,
  response,
  unitAtHead
} from './messages.ts'
import type { Asked, Method, Methods } from './method.ts'

const SERVICE = 'aima.v2.AIMAService'
/** What stands around the input: names and numbers. */
const ENVELOPE_BYTES_MAX = 4 * 1024
/** It is read on the network's thread, where base64 of this size takes some ten milliseconds. Over HTTP larger inputs are taken. */
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024
const WATCH_BYTES_MAX = 8 * 1024

const Options = z.strictObject({
  peer: z.string().max(NAME_CHARS_MAX).optional(),
  policy: RoutingPolicy.optional(),
  continuation: z.literal('none').optional(),
  receipt: z.boolean().optional()
})
const Kind = z.enum(['', 'command', 'query']).default('')

const execute: Method = async asked => {
  const begun = await begin(asked)
  const { units, request, context, meta } = begun
  const key = keyOf(asked.incoming)
  const data =
    key === undefined
      ? await units.execute(request.unit, request.input, context)
      : await runOnce(asked, begun, key)
  await asked.call.send(response(data, meta()))
}

/** As over HTTP: a repetition with the same key runs nothing again, and the call goes on when its client leaves. */
async function runOnce({ kept, caller, call }: Asked, begun: Begun, key: string): Promise<unknown> {
  const { units, request, context, told } = begun
  const { unit, input, options } = request
  // A wrong call is refused before anything is kept of it.
  units.prepare(unit, input, context)
  const { requestId: id, budgetMs } = context
  const one = kept.begin(caller, {
    ...{ id, unit, key, budgetMs, fingerprint: await fingerprintOf({ unit, input, options }) },
    run: (to, signal) => {
      const onRoute = (route: Route) => {
        to.route = route
      }
      return units.execute(unit, input, { ...context, signal, onRoute })
    }
  })
  const { error, data } = await one.ended
  if (one.route) told.route = one.route
  if (error) throw error
  if (one.id !== id) call.headers = { ...call.headers, ...REPLAYED }
  return data
}

const executeStream: Method = async asked => {
  const { units, request, context, meta } = await begin(asked)
  if (keyOf(asked.incoming) !== undefined) throw inPieces()
  for await (const item of units.stream(request.unit, request.input, context))
    await asked.call.send(itemChunk(item))
  await asked.call.send(metaChunk(meta()))
}

const watchResource: Method = async asked => {
  const { call, closing } = asked
  const units = await asked.units()
  const { peer, ...input } = decodeWatch(await call.message(() => WATCH_BYTES_MAX))
  const told = tell(asked, units, 'resource.watch')
  // A watch has no end of its own, so closing the gateway ends it.
  const signal = AbortSignal.any([call.signal, closing])
  const context = { ...contextOf(asked, told, peer === undefined ? {} : { peer }), signal }
  for await (const item of units.stream('resource.watch', input, context))
    await call.send(resourceUpdate(item as Parameters<typeof resourceUpdate>[0]))
}

const healthCheck: Method = async ({ call, closing }) => {
  await call.message(() => 0)
  await call.send(health(closing.aborted ? 'stopping' : 'ok'))
}

export const SERVICE_METHODS: Methods = {
  [`/${SERVICE}/Execute`]: execute,
  [`/${SERVICE}/ExecuteStream`]: executeStream,
  [`/${SERVICE}/WatchResource`]: watchResource,
  [`/${SERVICE}/HealthCheck`]: healthCheck
}

type Begun = Awaited<ReturnType<typeof begin>>

async function begin(asked: Asked) {
  const units = await asked.units()
  const request = decodeRequest(await asked.call.message(limitIn(units)))
  const kind = checked(Kind, request.type, 'type')
  const options = checked(Options, request.options, 'options')
  const { endless } = units.get(request.unit, kind === '' ? undefined : kind)
  const told = tell(asked, units, request.unit)
  const meta = () => metaOf(told, asked.clock.monotonicMs())
  const context = contextOf(asked, told, options)
  const signal = endless ? AbortSignal.any([asked.call.signal, asked.closing]) : asked.call.signal
  return { units, request, context: { ...context, signal }, told, meta }
}

/** As soon as the message has named its unit, and before the rest is taken. */
const limitIn =
  (units: UnitRegistry): LimitOf =>
  head => {
    const unit = unitAtHead(head)
    if (unit === undefined) return undefined
    const limit = unit === '' ? INPUT_BYTES_MAX : inputBytesMaxOf(units.get(unit))
    return Math.min(limit + ENVELOPE_BYTES_MAX, MESSAGE_BYTES_MAX)
  }

function checked<S extends z.ZodType>(schema: S, value: unknown, name: string): z.output<S> {
  const read = schema.safeParse(value)
  if (read.success) return read.data
  const words = read.error.issues.map(issue => `${[name, ...issue.path].join('.')}: ${issueWords(issue)}`)
  throw new InvalidInputError(words.join('; '))
}

/** The facts of the call, under ids that its first answer carries as headers. */
function tell({ call, clock, incoming }: Asked, units: UnitRegistry, unit: string): Call {
  const told = { ...newCall(clock, incoming, units.newAnswerId()), unit }
  call.headers = headersOf(told)
  return told
}

function contextOf(
  { call, caller }: Asked,
  told: Call,
  options: Request['options'] | z.output<typeof Options>
) {
  const { budgetMs, signal } = call
  const context: UnitContext = {
    ...(options as z.output<typeof Options>),
    ...{ requestId: told.requestId, traceId: told.trace.given, caller, budgetMs, signal },
    answer: {
      id: told.answerId,
      durable: false,
      onKept() {
        told.kept = true
      }
    },
    onRoute(route) {
      told.route = route
    }
  }
  return context
}

/** For a path that is none. */
export const noMethod = (path: string): LumosError =>
  new LumosError('ROUTE_NOT_FOUND', `There is no method ${path.slice(0, 128)}.`)
