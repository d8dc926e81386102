/** `GET /api/tags`, `GET /api/ps`, `GET /api/version` and `POST /api/show`: what there is. */

import type { Context } from 'hono'
import type { AppEnv } from '../app-env.ts'
import { type AskComponents, answerWhole, readBody } from '../asking/call.ts'
import { knownModels } from '../asking/known-models.ts'
import { idIn } from '../asking/latest.ts'
import { runningOf, shownOf, tagOf } from './facts.ts'
import { modelNotFound, named, nameIn } from './names.ts'

/** The version of Ollama whose API this is. Clients read three numbers, and leave out what a version has not. */
const VERSION = '0.12.11'

type Route = (components: AskComponents) => (c: Context<AppEnv>) => Promise<Response>

export const versionRoute: Route = () => async c => answerWhole(c, { version: VERSION })

export const tagsRoute: Route = components => async c =>
  answerWhole(c, { models: (await knownModels(components, c)).map(tagOf) })

export const runningRoute: Route = components => async c =>
  answerWhole(c, { models: (await knownModels(components, c, { status: 'ready' })).map(runningOf) })

const Show = named({})

export const showRoute: Route = components => async c => {
  const name = nameIn(await readBody(c, components, Show))
  const models = await knownModels(components, c)
  const ids = models.map(({ id }) => id)
  const id = idIn(ids, name)
  if (id === undefined) throw modelNotFound(name, ids)
  return answerWhole(c, shownOf(models.find(model => model.id === id)!))
}
