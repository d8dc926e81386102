/** `GET /v1/models` and `/v1/models/{id}`: the models of the mesh as one list. */

import type { Context } from 'hono'
import type { AppEnv } from '../app-env.ts'
import { modelCalled } from '../asking/aliases.ts'
import { type AskComponents, answerWhole } from '../asking/call.ts'
import { idOnPort } from '../asking/latest.ts'
import { type ListedModel, listModels, modelIdIn, modelNotFound } from '../asking/model-name.ts'

export const modelsRoute = (components: AskComponents) => async (c: Context<AppEnv>) =>
  answerWhole(c, { object: 'list', data: (await listModels(components, c)).map(toModel) })

export const modelRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const name = modelCalled(modelIdIn(c.req.path, '/v1/models/'), components.aliases)
  const id = await idOnPort(c, components, name)
  const models = await listModels(components, c)
  const found = models.find(model => model.id === id)
  if (found === undefined) throw modelNotFound(id, models)
  return answerWhole(c, toModel(found))
}

/** When a model was made is not known to the mesh. */
const toModel = ({ id, types, devices }: ListedModel) => ({
  id,
  object: 'model',
  created: 0,
  owned_by: devices.join(', '),
  /** Not of OpenAI, which has no place for what a model takes and gives. */
  tasks: types
})
