/** The tag that Ollama adds to a name without one, and the models that are meant by it. */

import type { Context } from 'hono'
import type { AppComponents, AppEnv } from '../app-env.ts'
import { contextOf } from '../units.ts'

const LATEST = ':latest'

/** `tiny` and `tiny:latest` mean the same where one of them alone is there; the name as it was given comes first. */
export const idsOf = (name: string): readonly [string, string] => [
  name,
  name.endsWith(LATEST) ? name.slice(0, -LATEST.length) : `${name}${LATEST}`
]

/** The id of which `name` is the name. */
export function idIn(ids: Iterable<string>, name: string): string | undefined {
  const all = new Set(ids)
  return idsOf(name).find(id => all.has(id))
}

/** The id of a model for a client of Ollama, which may speak OpenAI's protocol on its port. */
export async function idOnPort(
  c: Context<AppEnv>,
  { units }: Pick<AppComponents, 'units'>,
  name: string
): Promise<string> {
  if (c.env.listener !== 'ollama') return name
  const { models } = (await units.execute('inference.models', {}, contextOf({}, c))) as {
    models: { id: string }[]
  }
  const ids = models.map(({ id }) => id)
  return idIn(ids, name) ?? name
}
