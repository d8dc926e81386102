/**
 * `/v1`: the protocol that clients of OpenAI speak, over the units that ask models. Unknown fields of a body are
 * ignored; fields that would change the answer and cannot are refused.
 */

import { type Context, Hono } from 'hono'
import type { AppEnv } from '../app-env.ts'
import type { AskComponents } from '../asking/call.ts'
import { RefusedError } from '../asking/refused.ts'
import { isOpenaiPath } from '../paths.ts'
import { speechRoute } from './audio/speech.ts'
import { transcriptionRoute, translationRoute } from './audio/transcriptions.ts'
import { chatRoute } from './chat.ts'
import { completionRoute } from './completions.ts'
import { embeddingRoute } from './embeddings.ts'
import { refusal } from './errors.ts'
import { imageRoute } from './images.ts'
import { modelRoute, modelsRoute } from './models.ts'
import { rerankRoute } from './rerank.ts'
import { responseRoutes } from './responses/index.ts'

export function openaiRoutes(components: AskComponents): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()
  routes.post('/chat/completions', chatRoute(components))
  routes.post('/completions', completionRoute(components))
  routes.post('/embeddings', embeddingRoute(components))
  routes.post('/audio/transcriptions', transcriptionRoute(components))
  routes.post('/audio/translations', translationRoute(components))
  routes.post('/audio/speech', speechRoute(components))
  routes.post('/images/generations', imageRoute(components))
  routes.post('/rerank', rerankRoute(components))
  routes.route('/responses', responseRoutes(components))
  routes.get('/models', modelsRoute(components))
  routes.get('/models/', modelsRoute(components))
  routes.get('/models/*', modelRoute(components))

  routes.all('*', c => {
    throw notThere(c)
  })
  routes.onError((err, c) => {
    const { status, headers, body } = refusal(err, c.var.call)
    if (status === 500) components.log.error({ err, unit: c.var.call.unit }, 'a request of /v1 failed')
    return new Response(body, { status, headers })
  })
  return routes
}

function notThere(c: Context<AppEnv>): RefusedError {
  const path = c.req.path.slice(0, 128)
  if (isOpenaiPath(path)) {
    const message = `Not allowed to ${c.req.method} on ${path}. (HINT: Perhaps you meant to use a different HTTP method?)`
    return new RefusedError(message, { reason: 'method_not_supported', status: 405 })
  }
  const base = path.startsWith('/v1/v1/') ? ' The program adds /v1 itself: leave it out of the base URL.' : ''
  const message = `Unknown request URL: ${c.req.method} ${path}. Please check the URL for typos.${base}`
  return new RefusedError(message, { reason: 'unknown_url', status: 404 })
}
