/** The model that a body names, and what is said when no device has it, or has it for something else. */

import type { Context } from 'hono'
import * as z from 'zod'
import { LumosError } from '../../interface/errors.ts'
import { ModelId } from '../../interface/names.ts'
import { closestNames } from '../../interface/suggest.ts'
import type { AppEnv } from '../app-env.ts'
import { contextOf } from '../units.ts'
import type { AskComponents } from './call.ts'
import { RefusedError } from './refused.ts'

export const ModelName = z.string().min(1)

export interface ListedModel {
  readonly id: string
  readonly types: readonly string[]
  readonly ready: boolean
  readonly devices: readonly string[]
}

export async function listModels(
  { units }: AskComponents,
  c: Context<AppEnv>
): Promise<readonly ListedModel[]> {
  const { models } = (await units.execute('inference.models', {}, contextOf({}, c))) as {
    models: ListedModel[]
  }
  return models
}

export function modelNotFound(model: string, known: readonly Pick<ListedModel, 'id'>[]): RefusedError {
  const name = model.slice(0, 128)
  const closest = closestNames(
    name,
    known.map(({ id }) => id)
  )
  const hint = closest.length > 0 ? ` Closest: ${closest.join(', ')}.` : ''
  return new RefusedError(`The model \`${name}\` does not exist or you do not have access to it.${hint}`, {
    ...{ param: 'model', reason: 'model_not_found' },
    status: 404
  })
}

/** Asks, and finds out why no device could be asked. */
export async function rightModel(
  components: AskComponents,
  c: Context<AppEnv>,
  { model, task }: { readonly model: string; readonly task: string },
  asked: () => Promise<Response>
): Promise<Response> {
  if (!ModelId.safeParse(model).success) throw modelNotFound(model, [])
  try {
    return await asked()
  } catch (thrown) {
    if (!(thrown instanceof LumosError) || thrown.code !== 'NO_PROVIDER') throw thrown
    const models = await listModels(components, c)
    const found = models.find(({ id }) => id === model)
    if (found === undefined) throw modelNotFound(model, models)
    if (found.types.includes(task)) throw thrown
    const message = `The model \`${model}\` is for ${found.types.join(', ')} and not supported in the ${c.req.path.slice(1)} endpoint.`
    throw new RefusedError(message, { param: 'model', status: 404 })
  }
}

/** The id at the end of a path. It holds `/` and `:`, written as they are or escaped. */
export function modelIdIn(path: string, before: string): string {
  const text = path.slice(before.length)
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
