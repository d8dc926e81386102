/** The model that a body names: as it is, or with the tag that Ollama adds to a name without one. */

import type { Context } from 'hono'
import * as z from 'zod'
import { LumosError } from '../../interface/errors.ts'
import { ModelId } from '../../interface/names.ts'
import { closestNames } from '../../interface/suggest.ts'
import type { AppEnv } from '../app-env.ts'
import type { AskComponents } from '../asking/call.ts'
import { idIn } from '../asking/latest.ts'
import { type ListedModel, listModels } from '../asking/model-name.ts'
import { RefusedError } from '../asking/refused.ts'
import { maybe } from '../asking/schema.ts'

const NAME_CHARS_MAX = 512

const Name = z.string().min(1).max(NAME_CHARS_MAX)

/** `name` is what older clients call it. */
export const named = <S extends z.ZodRawShape>(shape: S) =>
  z.object({ model: maybe(Name), name: maybe(Name), ...shape })

/** @throws {RefusedError} */
export function nameIn({
  model,
  name = model
}: {
  readonly model?: unknown
  readonly name?: unknown
}): string {
  const given = model ?? name
  if (typeof given === 'string') return given
  throw new RefusedError('model is required', { param: 'model' })
}

export function modelNotFound(name: string, ids: readonly string[]): RefusedError {
  const closest = closestNames(name.slice(0, 128), ids)
  const hint = closest.length > 0 ? `. Closest: ${closest.join(', ')}` : ''
  return new RefusedError(`model '${name.slice(0, 128)}' not found${hint}`, {
    ...{ param: 'model', reason: 'model_not_found' },
    status: 404
  })
}

/** What the mesh has under a name; absent where a service may be called so. */
export interface Named {
  readonly id: string
  readonly listed: ListedModel | undefined
}

/**
 * Asks the model of this name, and finds out why no device could be asked.
 *
 * @throws {RefusedError} 404 where no device has it, 400 where it is for something else: clients pull what is not there.
 */
export async function askNamed(
  components: AskComponents,
  c: Context<AppEnv>,
  { name, task, what }: { readonly name: string; readonly task: string; readonly what: string },
  ask: (named: Named) => Promise<Response>
): Promise<Response> {
  const models = await listModels(components, c)
  const ids = models.map(({ id }) => id)
  const id = idIn(ids, name) ?? name
  if (!ModelId.safeParse(id).success) throw modelNotFound(name, ids)
  const listed = models.find(model => model.id === id)
  try {
    return await ask({ id, listed })
  } catch (thrown) {
    if (!(thrown instanceof LumosError) || thrown.code !== 'NO_PROVIDER') throw thrown
    if (listed === undefined) throw modelNotFound(name, ids)
    if (listed.types.includes(task)) throw thrown
    throw new RefusedError(`"${name}" does not support ${what}`, { param: 'model' })
  }
}
