/**
 * Models of the mesh as faces of other programs tell of them. Manifests hold neither a family nor a number of parameters,
 * so those are read from the name; what a name does not say is empty.
 */

import type { Context } from 'hono'
import type { SnakeCase } from '../../interface/snake-case.ts'
import { featureExtraction } from '../../interface/tasks/feature-extraction.ts'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import type { ModelList } from '../../units/model.ts'
import type { AppEnv } from '../app-env.ts'
import { contextOf } from '../units.ts'
import type { AskComponents } from './call.ts'

const PARAMETERS = /(?:^|[^a-z0-9.])((?:\d+x)?\d+(?:\.\d+)?[bm])(?![a-z0-9])/i
const QUANTIZATION = /(?:^|[^a-z0-9])((?:i?q\d(?:_[a-z0-9]+)*)|bf16|fp?16|fp?32|int[48]|mxfp4)(?![a-z0-9])/i
const THINKS = /(?:^|[^a-z])r1(?:[^a-z0-9]|$)|qwq|think|reason|qwen-?3|gpt-oss|magistral/i

type Item = SnakeCase<ModelList>['items'][number]

/** A model of the mesh, with what all its devices say of it. */
export interface Known {
  readonly id: string
  readonly types: readonly string[]
  readonly items: readonly Item[]
}

export async function knownModels(
  { units }: AskComponents,
  c: Context<AppEnv>,
  input: { readonly status?: 'ready' } = {}
): Promise<Known[]> {
  const { items } = (await units.execute('model.list', input, contextOf({}, c))) as SnakeCase<ModelList>
  const byId = Map.groupBy(items, ({ id }) => id)
  return [...byId].map(([id, all]) => ({ id, items: all, types: all.map(({ type }) => type) }))
}

export const baseOf = (id: string): string => id.replace(/^.*\//, '').replace(/:latest$/, '')

/** `llama3.2` of `org/llama3.2:1b`. */
const familyOf = (id: string): string => /^[a-z]+[\d.]*/i.exec(baseOf(id))?.[0].toLowerCase() ?? ''

export function detailsOf({ id, items }: Known) {
  const family = familyOf(id)
  return {
    parent_model: '',
    format: items.find(({ format }) => format !== null)?.format ?? '',
    family,
    families: family === '' ? null : [family],
    parameter_size: PARAMETERS.exec(baseOf(id))?.[1]?.toUpperCase() ?? '',
    quantization_level: QUANTIZATION.exec(baseOf(id))?.[1]?.toUpperCase() ?? ''
  }
}

/** The longest that a device states. */
export function contextOfModel({ items }: Known): number | undefined {
  const all = items.flatMap(({ providers }) => providers.flatMap(({ context_tokens: most }) => most ?? []))
  return all.length === 0 ? undefined : Math.max(...all)
}

/** Tools are given to each model that chats. Whether one thinks is read from its name. */
export function capabilitiesOf({ id, types, items }: Known): string[] {
  const chats = types.includes(textGeneration.name)
  return [
    ...(chats ? ['completion', 'tools'] : []),
    ...(chats && seesIn(items) ? ['vision'] : []),
    ...(chats && THINKS.test(id) ? ['thinking'] : []),
    ...(types.includes(featureExtraction.name) ? ['embedding'] : [])
  ]
}

const seesIn = (items: readonly Item[]): boolean =>
  items.some(({ providers }) => providers.some(({ takes_images }) => takes_images))
