/** `/api/v0`: the REST API of LM Studio. Its list says more of a model than that of OpenAI; the rest is the same as `/v1`. */

import { type Context, Hono } from 'hono'
import { featureExtraction } from '../../interface/tasks/feature-extraction.ts'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import type { AppEnv } from '../app-env.ts'
import { modelCalled } from '../asking/aliases.ts'
import { type AskComponents, answerWhole } from '../asking/call.ts'
import { capabilitiesOf, contextOfModel, detailsOf, type Known, knownModels } from '../asking/known-models.ts'
import { modelIdIn, modelNotFound } from '../asking/model-name.ts'
import { RefusedError } from '../asking/refused.ts'
import { chatRoute } from '../openai/chat.ts'
import { completionRoute } from '../openai/completions.ts'
import { embeddingRoute } from '../openai/embeddings.ts'
import { refusal } from '../openai/errors.ts'

export function lmStudioRoutes(components: AskComponents): Hono<AppEnv> {
  const routes = new Hono<AppEnv>()
  routes.post('/chat/completions', chatRoute(components))
  routes.post('/completions', completionRoute(components))
  routes.post('/embeddings', embeddingRoute(components))
  routes.get('/models', async c =>
    answerWhole(c, { object: 'list', data: (await listed(components, c)).map(toModel) })
  )
  routes.get('/models/*', async c => {
    const id = modelCalled(modelIdIn(c.req.path, '/api/v0/models/'), components.aliases)
    const all = await listed(components, c)
    const found = all.find(model => model.id === id)
    if (found === undefined) throw modelNotFound(id, all)
    return answerWhole(c, toModel(found))
  })
  routes.all('*', c => {
    const message = `There is no ${c.req.method} ${c.req.path.slice(0, 128)}.`
    throw new RefusedError(message, { reason: 'unknown_url', status: 404 })
  })
  routes.onError((err, c) => {
    const { status, headers, body } = refusal(err, c.var.call)
    if (status === 500) components.log.error({ err, unit: c.var.call.unit }, 'a request of /api/v0 failed')
    return new Response(body, { status, headers })
  })
  return routes
}

/** Models of other kinds have no place in this list. */
const listed = async (components: AskComponents, c: Context<AppEnv>): Promise<Known[]> =>
  (await knownModels(components, c)).filter(known => typeOf(known) !== undefined)

function typeOf(known: Known): 'llm' | 'vlm' | 'embeddings' | undefined {
  if (known.types.includes(textGeneration.name))
    return capabilitiesOf(known).includes('vision') ? 'vlm' : 'llm'
  return known.types.includes(featureExtraction.name) ? 'embeddings' : undefined
}

/** What neither a manifest nor the name of a model says is empty. */
function toModel(known: Known) {
  const { id, items } = known
  const { family, format, quantization_level } = detailsOf(known)
  const slash = id.lastIndexOf('/')
  return {
    ...{ id, object: 'model', type: typeOf(known), publisher: slash < 0 ? '' : id.slice(0, slash) },
    ...{ arch: family, compatibility_type: format, quantization: quantization_level },
    state: items.some(({ status }) => status === 'ready') ? 'loaded' : 'not-loaded',
    max_context_length: contextOfModel(known) ?? 0
  }
}
