/** What the routes that ask models share: bodies, contexts, headers, and answers whole or as streams of data. */

import type { Context } from 'hono'
import type * as z from 'zod'
import { LumosError } from '../../interface/errors.ts'
import { readFirst } from '../../interface/first-issue.ts'
import { isRecord } from '../../interface/record.ts'
import { ROUTING_POLICIES, RoutingPolicy } from '../../interface/routing.ts'
import type { UnitContext } from '../../interface/units.ts'
import type { AppComponents, AppEnv } from '../app-env.ts'
import type { BodyReader } from '../body.ts'
import { type Call, JSON_HEADERS } from '../envelope.ts'
import { jsonBody } from '../json-answer.ts'
import { sseResponse } from '../sse.ts'
import { contextOf } from '../units.ts'
import { modelCalled } from './aliases.ts'
import { refusedBy } from './issues.ts'
import { idOnPort } from './latest.ts'
import { RefusedError } from './refused.ts'
import { dataBody, KEEP_ALIVE_MS, keepAlive } from './stream.ts'

/** As the clients of OpenAI wait by themselves: ten minutes, for a slow device that writes a long answer. */
const BUDGET_MS = 600_000
/** By which policy a device is chosen for this request. */
const POLICY_HEADER = 'x-lumos-policy'
/** `none`: an answer that is cut ends there. */
const CONTINUATION_HEADER = 'x-lumos-continuation'
/** Of a body with one text, or a few. */
const BODY_BYTES_MAX = 4 * 1024 * 1024
/** Of a body with pictures in it, or with many texts. */
export const LARGE_BODY_BYTES_MAX = 40 * 1024 * 1024

export interface AskComponents extends AppComponents {
  readonly bodies: BodyReader
}

type Routed = Context<AppEnv>

/** @throws {RefusedError} naming the parameter that is wrong. */
export async function readBody<S extends z.ZodType>(
  c: Routed,
  components: AskComponents,
  schema: S,
  bytesMax = BODY_BYTES_MAX
): Promise<z.output<S>> {
  const body = components.bodies.readJson(c.env, bytesMax).then(({ value }) => value)
  return checked(c, components, schema, await body.catch(unread('the JSON body')))
}

/** @throws {RefusedError} naming the parameter that is wrong. */
export async function readForm<S extends z.ZodType>(
  c: Routed,
  components: AskComponents,
  schema: S,
  bytesMax: number
): Promise<z.output<S>> {
  const form = components.bodies.readForm(c.env, bytesMax)
  return checked(c, components, schema, await form.catch(unread('the form')))
}

const unread =
  (what: string) =>
  (thrown: unknown): never => {
    if (!(thrown instanceof LumosError) || thrown.code !== 'INVALID_INPUT') throw thrown
    throw new RefusedError(`We could not parse ${what} of your request. ${thrown.message}`, {})
  }

async function checked<S extends z.ZodType>(
  c: Routed,
  components: AskComponents,
  schema: S,
  value: unknown
): Promise<z.output<S>> {
  const read = readFirst(schema, await withModel(c, components, value))
  if (read.success) return read.data
  throw refusedBy(read.error, value)
}

/** The model of a body may have a name of the settings, or one of Ollama. */
async function withModel(c: Routed, components: AskComponents, body: unknown): Promise<unknown> {
  if (!isRecord(body) || typeof body.model !== 'string') return body
  const model = modelCalled(body.model, components.aliases)
  return { ...body, model: await idOnPort(c, components, model) }
}

/** The call of a unit, with the time that clients of OpenAI wait. */
export const unitContext = (c: Routed, unit: string): UnitContext => {
  c.var.call.unit = unit
  return { ...contextOf({}, c), policy: policyOf(c), continuation: continuationOf(c), budgetMs: BUDGET_MS }
}

/**
 * The same call, of which no device keeps the answer.
 *
 * @throws {RefusedError} where the answer is to go on without its client, which only a kept one can.
 */
export function unkept(context: UnitContext): UnitContext {
  if (!context.answer?.durable) return { ...context, answer: undefined, unkept: true }
  throw new RefusedError("An answer with the header x-lumos-durable needs 'store' to be true.", {
    ...{ param: 'store', reason: 'invalid_value' }
  })
}

/** @throws {RefusedError} */
function continuationOf(c: Routed): 'none' | undefined {
  const stated = c.req.header(CONTINUATION_HEADER)
  if (stated === undefined || stated === 'none') return stated
  throw new RefusedError(`${CONTINUATION_HEADER}: expected none.`, {})
}

/** @throws {RefusedError} */
function policyOf(c: Routed): RoutingPolicy | undefined {
  const stated = c.req.header(POLICY_HEADER)
  const read = RoutingPolicy.optional().safeParse(stated)
  if (read.success) return read.data
  throw new RefusedError(`${POLICY_HEADER}: expected one of ${ROUTING_POLICIES.join(', ')}.`, {})
}

/** The device that answered, whether it is this one, and the answer's id. */
function answerHeaders({ answerId, kept, route }: Call): Record<string, string> {
  const id: Record<string, string> = kept ? { 'x-lumos-answer': answerId } : {}
  if (route === undefined) return id
  // A header holds no letters beyond ASCII; names may.
  const peer = encodeURI(route.name ?? route.peerId)
  return { ...id, 'x-lumos-peer': peer, 'x-lumos-route': route.route }
}

export const answerWhole = (c: Routed, body: unknown): Response =>
  new Response(jsonBody(body), { headers: { ...JSON_HEADERS, ...answerHeaders(c.var.call) } })

export const answerText = (c: Routed, text: string): Response =>
  new Response(text, { headers: headersOf(c, 'text/plain; charset=utf-8') })

/** Of an answer that is no JSON. */
export const headersOf = (c: Routed, type: string) => ({
  ...{ ...JSON_HEADERS, 'content-type': type },
  ...answerHeaders(c.var.call)
})

/** Of a stream that is no stream of server-sent events. */
export interface StreamForm {
  readonly type?: string
  beat?(): string
}

/**
 * The events as they come. What fails before the first one has a status of its own; a stream is begun without any when
 * the model is silent for as long as clients wait for a word, and then without the name of a device.
 *
 * @param failed how the stream says that it failed after that.
 */
export async function answerStream(
  c: Routed,
  { clock, log }: AskComponents,
  events: AsyncGenerator<string>,
  failed: (thrown: unknown) => string,
  { type, beat = keepAlive }: StreamForm = {}
): Promise<Response> {
  const { call } = c.var
  const first = events.next()
  const { promise: waited, resolve } = Promise.withResolvers<'waited'>()
  const timer = clock.setTimer(() => resolve('waited'), KEEP_ALIVE_MS)
  const begun = await Promise.race([first, waited]).finally(() => timer.cancel())

  const failure = (thrown: unknown) => {
    if (!(thrown instanceof LumosError)) log.error({ err: thrown, unit: call.unit }, 'a stream failed')
    return failed(thrown)
  }
  const headers = {
    ...answerHeaders(begun === 'waited' ? { ...call, route: undefined } : call),
    ...(type !== undefined && { 'content-type': type })
  }
  const body = dataBody({ first, rest: events, clock, failed: failure, beat })
  return sseResponse(body, c.env.incoming, headers)
}
