/**
 * What Ollama says of a model, as far as a mesh knows it. Manifests hold neither a family nor a number of parameters, so
 * those are read from the name; what a name does not say is empty, as Ollama has it.
 */

import { createHash } from 'node:crypto'
import type { Context } from 'hono'
import type { SnakeCase } from '../../interface/snake-case.ts'
import { featureExtraction } from '../../interface/tasks/feature-extraction.ts'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import type { ModelList } from '../../units/model.ts'
import type { AppEnv } from '../app-env.ts'
import type { AskComponents } from '../asking/call.ts'
import { contextOf } from '../units.ts'

/** What Go's clients print as `Never`: the mesh does not know when a model was made, nor when it is unloaded. */
const NEVER = '0001-01-01T00:00:00Z'

const PARAMETERS = /(?:^|[^a-z0-9.])((?:\d+x)?\d+(?:\.\d+)?[bm])(?![a-z0-9])/i
const QUANTIZATION = /(?:^|[^a-z0-9])((?:i?q\d(?:_[a-z0-9]+)*)|bf16|fp?16|fp?32|int[48]|mxfp4)(?![a-z0-9])/i
const SEES = /llava|vision|moondream|pixtral|minicpm-v|(?:^|[-_/:.\d])vl(?:[-_:.]|$)|gemma-?3|llama-?4/i
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

/** Of the name: Ollama's clients tell models apart by it, and cut it to twelve characters. */
export const digestOf = (id: string): string => createHash('sha256').update(id).digest('hex')

const baseOf = (id: string): string => id.replace(/^.*\//, '').replace(/:latest$/, '')

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

const sizeOf = ({ items }: Known): number => items.find(({ size }) => size !== null)?.size ?? 0

export const tagOf = (known: Known) => ({
  ...{ name: known.id, model: known.id, modified_at: NEVER },
  ...{ size: sizeOf(known), digest: digestOf(known.id), details: detailsOf(known) }
})

/** A model in memory. What it takes on another device is not known, nor what of it lies on an accelerator. */
export function runningOf(known: Known) {
  const providers = known.items.flatMap(item => item.providers)
  const memory = providers.find(({ state, memory_bytes }) => state === 'ready' && memory_bytes !== null)
  return {
    ...{
      name: known.id,
      model: known.id,
      size: Math.ceil(memory?.memory_bytes ?? 0),
      digest: digestOf(known.id)
    },
    ...{
      details: detailsOf(known),
      expires_at: NEVER,
      size_vram: 0,
      context_length: contextOfModel(known) ?? 0
    }
  }
}

/** The longest that a device states. */
export function contextOfModel({ items }: Known): number | undefined {
  const all = items.flatMap(({ providers }) => providers.flatMap(({ context_tokens: most }) => most ?? []))
  return all.length === 0 ? undefined : Math.max(...all)
}

/** Tools are given to each model that chats; whether one sees or thinks is read from its name. */
export function capabilitiesOf({ id, types }: Pick<Known, 'id' | 'types'>): string[] {
  const chats = types.includes(textGeneration.name)
  return [
    ...(chats ? ['completion', 'tools'] : []),
    ...(chats && SEES.test(id) ? ['vision'] : []),
    ...(chats && THINKS.test(id) ? ['thinking'] : []),
    ...(types.includes(featureExtraction.name) ? ['embedding'] : [])
  ]
}

export function shownOf(known: Known) {
  const details = detailsOf(known)
  const { family, parameter_size: parameters } = details
  const architecture = family === '' ? 'unknown' : family
  const context = contextOfModel(known)
  return {
    ...{
      license: '',
      modelfile: `FROM ${known.id}\n`,
      parameters: '',
      template: '{{ .Prompt }}',
      system: ''
    },
    details,
    model_info: {
      'general.architecture': architecture,
      'general.basename': baseOf(known.id),
      ...(parameters !== '' && { 'general.size_label': parameters }),
      ...(context !== undefined && { [`${architecture}.context_length`]: context })
    },
    capabilities: capabilitiesOf(known),
    modified_at: NEVER
  }
}
