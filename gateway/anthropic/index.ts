/**
 * `/v1/messages`: the protocol that clients of Anthropic speak, over the units that ask models. It lies beside that of
 * OpenAI: `/v1/models` is the same address in both, and the header `anthropic-version` says whose it is.
 */

import { type Context, Hono } from 'hono'
import type { AppEnv } from '../app-env.ts'
import type { AskComponents } from '../asking/call.ts'
import { RefusedError } from '../asking/refused.ts'
import { countRoute } from './count-tokens.ts'
import { refusal } from './errors.ts'
import { messagesRoute } from './messages.ts'
import { modelRoute, modelsRoute } from './models.ts'

type Handler = (c: Context<AppEnv>) => Promise<Response>

export function anthropicRoutes(components: AskComponents): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()
  routes.post('/messages', ours(messagesRoute(components)))
  routes.post('/messages/count_tokens', ours(countRoute(components)))
  routes.get('/models', ours(modelsRoute(components)))
  routes.get('/models/*', ours(modelRoute(components)))
  routes.all('*', ours(notThere))
  routes.onError((err, c) => {
    const { status, headers, body } = refusal(err, c.var.call)
    if (status === 500) components.log.error({ err, unit: c.var.call.unit }, 'a request of /v1 failed')
    return new Response(body, { status, headers })
  })
  return routes
}

const ours = (handler: Handler) => async (c: Context<AppEnv>) => {
  const response = await handler(c)
  response.headers.set('request-id', c.var.call.requestId)
  return response
}

const PATHS = /^\/v1\/(?:messages(?:\/count_tokens)?|models(?:\/.*)?)$/

async function notThere(c: Context<AppEnv>): Promise<never> {
  const path = c.req.path.slice(0, 128)
  if (PATHS.test(path)) throw new RefusedError(`Not allowed to ${c.req.method} ${path}.`, { status: 405 })
  const base = path.startsWith('/v1/v1/') ? " The base URL of Anthropic's protocol ends before /v1." : ''
  throw new RefusedError(`There is no ${c.req.method} ${path}.${base}`, { status: 404 })
}
