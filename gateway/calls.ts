/** Calls of units with a whole answer: at once, kept under an idempotency key, or to be asked for later. */

import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import { CancelledError } from '../interface/errors.ts'
import type { Route, UnitContext } from '../interface/units.ts'
import type { AppComponents, AppEnv } from './app-env.ts'
import { fingerprintOf, type KeepingOptions, keepingOf, REPLAYED } from './call-options.ts'
import { errorBody, JSON_HEADERS, successBody } from './envelope.ts'
import { type KeptCall, KeptCalls } from './kept-calls.ts'

export interface Asked {
  readonly unit: string
  readonly input?: unknown
  readonly options?: KeepingOptions | undefined
}

export class Calls {
  readonly #components: AppComponents
  readonly #kept: KeptCalls

  constructor(components: AppComponents) {
    this.#components = components
    this.#kept = new KeptCalls(components)
  }

  async answer(c: Context<AppEnv>, asked: Asked, context: UnitContext): Promise<Response> {
    const { unit, input, options } = asked
    const call = c.get('call')
    const { key, isAsync } = keepingOf(c, options)
    if (key === undefined && !isAsync)
      return this.#response(c, await this.#components.units.execute(unit, input, context))

    const kept = await this.#keep(c, asked, context, key)
    if (isAsync) return this.#response(c, stateOf(kept), 202, laterHeaders(kept))
    const { error, data } = await kept.ended
    if (kept.route) call.route = kept.route
    if (error) throw error
    return this.#response(c, data, 200, kept.id === call.requestId ? {} : REPLAYED)
  }

  /** How far a kept call is, and its end. */
  routes(): Hono<AppEnv> {
    const routes = new Hono<AppEnv>()
    const found = (c: Context<AppEnv>) => this.#kept.get(c.env.caller, c.req.param('id') ?? '')
    const state = (c: Context<AppEnv>, kept: KeptCall) => {
      const call = c.get('call')
      call.unit = kept.unit
      if (kept.route) call.route = kept.route
      return this.#response(c, stateOf(kept))
    }
    routes.get('/calls/:id', c => state(c, found(c)))
    routes.delete('/calls/:id', async c => {
      const kept = found(c)
      kept.ending.abort(new CancelledError('The call was cancelled.'))
      await kept.ended
      return state(c, kept)
    })
    return routes
  }

  async #keep(
    c: Context<AppEnv>,
    { unit, input, options }: Asked,
    context: UnitContext,
    key: string | undefined
  ): Promise<KeptCall> {
    const { units } = this.#components
    // A wrong call is refused before anything is kept of it.
    units.prepare(unit, input, context)
    const { async: _, idempotency_key: __, ...rest } = options ?? {}
    const fingerprint = key === undefined ? '' : await fingerprintOf({ unit, input, options: rest })
    return this.#kept.begin(c.env.caller, {
      ...{ id: context.requestId, unit, key, fingerprint, budgetMs: context.budgetMs },
      run: (call, signal) => {
        const onRoute = (route: Route) => {
          call.route = route
        }
        return units.execute(unit, input, { ...context, signal, onRoute })
      }
    })
  }

  #response(
    c: Context<AppEnv>,
    data: unknown,
    status = 200,
    more: Readonly<Record<string, string>> = {}
  ): Response {
    const body = successBody(data, c.get('call'), this.#components.clock.monotonicMs())
    const headers = { ...JSON_HEADERS, ...more }
    if (typeof body !== 'string') return new Response(body, { status, headers })
    c.set('text', { status, headers: { ...headers, 'content-length': Buffer.byteLength(body) }, body })
    return RESPONSE_ALREADY_SENT
  }
}

function stateOf({ id, unit, outcome }: KeptCall) {
  const status = outcome === undefined ? 'running' : outcome.error ? 'failed' : 'done'
  return {
    ...{ call_id: id, unit, status },
    result: outcome?.data ?? null,
    error: outcome?.error ? errorBody(outcome.error) : null
  }
}

const laterHeaders = ({ id }: KeptCall) => ({
  location: `/api/v2/calls/${id}`,
  'preference-applied': 'respond-async'
})
