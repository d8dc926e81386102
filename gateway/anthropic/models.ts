/** `GET /v1/models` and `/v1/models/{id}` for clients of Anthropic: the models that talk, in pages. */

import type { Context } from 'hono'
import * as z from 'zod'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import type { AppEnv } from '../app-env.ts'
import { modelCalled } from '../asking/aliases.ts'
import { type AskComponents, answerWhole } from '../asking/call.ts'
import { type ListedModel, listModels, modelIdIn, modelNotFound } from '../asking/model-name.ts'
import { RefusedError } from '../asking/refused.ts'

/** As Anthropic has it. */
const PAGE = 20
const PAGE_MAX = 1000
const Limit = z.coerce.number().int().min(1).max(PAGE_MAX).default(PAGE)

/** The mesh does not know when a model was made. */
const CREATED_AT = '1970-01-01T00:00:00Z'

export const modelsRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const limit = Limit.safeParse(c.req.query('limit'))
  if (!limit.success) throw new RefusedError(`limit: expected a whole number from 1 to ${PAGE_MAX}.`, {})
  const all = await talking(components, c)
  const { before_id: before, after_id: after } = c.req.query()
  const page =
    before === undefined
      ? all.slice(placeOf(all, after) + 1).slice(0, limit.data)
      : all.slice(0, Math.max(0, placeOf(all, before))).slice(-limit.data)
  const beyond = before === undefined ? all.at(-1) : all[0]
  const last = before === undefined ? page.at(-1) : page[0]
  return answerWhole(c, {
    data: page.map(toModel),
    has_more: last !== undefined && last !== beyond,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null
  })
}

export const modelRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const id = modelCalled(modelIdIn(c.req.path, '/v1/models/'), components.aliases)
  const models = await talking(components, c)
  const found = models.find(model => model.id === id)
  if (found === undefined) throw modelNotFound(id, models)
  return answerWhole(c, toModel(found))
}

async function talking(components: AskComponents, c: Context<AppEnv>): Promise<readonly ListedModel[]> {
  return (await listModels(components, c)).filter(({ types }) => types.includes(textGeneration.name))
}

/** @throws {RefusedError} for a model that is not there: the page after it is not known. */
function placeOf(all: readonly ListedModel[], id: string | undefined): number {
  if (id === undefined) return -1
  const place = all.findIndex(model => model.id === id)
  if (place < 0) throw modelNotFound(id, all)
  return place
}

const toModel = ({ id }: ListedModel) => ({
  ...{ type: 'model', id, display_name: id, created_at: CREATED_AT },
  ...{ capabilities: null, lifecycle: 'active', line: null, deprecated_at: null, retires_at: null },
  ...{ max_input_tokens: null, max_tokens: null }
})
