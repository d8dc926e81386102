/**
 * `/api`: what clients of Ollama speak, over the units that ask models. Unknown fields of a body are ignored, fields that
 * would change the answer and cannot are refused, and so is what a mesh does not do.
 */

import { type Context, Hono } from 'hono'
import { LumosError } from '../../interface/errors.ts'
import type { AppEnv } from '../app-env.ts'
import type { AskComponents } from '../asking/call.ts'
import { RefusedError } from '../asking/refused.ts'
import { chatRoute } from './chat.ts'
import { embeddingsRoute, embedRoute } from './embed.ts'
import { ollamaRefusal } from './errors.ts'
import { generateRoute } from './generate.ts'
import { runningRoute, showRoute, tagsRoute, versionRoute } from './models.ts'
import { deleteRoute, pullRoute } from './pull.ts'

/** What this API has and a mesh does not, with what to do instead. */
const REFUSED: Readonly<Record<string, string>> = {
  '/copy': 'A model of a mesh has one name. Give it another by a service: lumos-node services.',
  '/create': 'No model is made of a Modelfile here. Bring one: /api/pull, or lumos-node models import.',
  '/push': 'A mesh sends its models to its own devices only: lumos-node models replicate.',
  '/blobs/*': 'Files come by lumos-node models import.'
}

export function ollamaRoutes(components: AskComponents): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()
  routes.get('/version', versionRoute(components))
  routes.get('/tags', tagsRoute(components))
  routes.get('/ps', runningRoute(components))
  routes.post('/show', showRoute(components))
  routes.post('/chat', chatRoute(components))
  routes.post('/generate', generateRoute(components))
  routes.post('/embed', embedRoute(components))
  routes.post('/embeddings', embeddingsRoute(components))
  routes.post('/pull', pullRoute(components))
  routes.delete('/delete', deleteRoute(components))
  for (const [path, words] of Object.entries(REFUSED)) {
    routes.all(path, () => {
      throw new LumosError('NOT_SUPPORTED', words)
    })
  }

  routes.all('*', c => {
    throw notThere(c)
  })
  routes.onError((err, c) => {
    const { status, headers, body, error } = ollamaRefusal(err, c.var.call)
    if (error.code === 'INTERNAL')
      components.log.error({ err, unit: c.var.call.unit }, 'a request of /api failed')
    return new Response(body, { status, headers })
  })
  return routes
}

const notThere = ({ req }: Context<AppEnv>): RefusedError =>
  new RefusedError(`There is no ${req.method} ${req.path.slice(0, 128)}.`, { status: 404 })
