/** The services of a node's own configuration: every form that is read, and the canonical one that comes of it. */

import * as z from 'zod'
import type { Path } from './fields.ts'
import { Reader } from './reader.ts'
import type { ModelWanted, ResourceConfiguration, ServiceWanted } from './types.ts'
import { OWNERS } from './wants.ts'

/** A model of a service, in the names of Lumen's configurations. */
export interface ServiceModel {
  readonly model: string
  readonly runtime: ModelWanted['runtime']
  readonly rknn_device?: string
  readonly dataset?: string
  /** What `models pull` takes; absent: Lumen's repository of that name, or `OWNER/NAME`. */
  readonly source?: string
  /** It comes from ModelScope; absent: from Hugging Face. */
  readonly region?: 'cn'
  /** Names of the devices that have it; absent: every device with this configuration. */
  readonly devices?: readonly string[]
  readonly batch_size?: number
  /** Weights of 8 bits are made of it on each of these devices, and asked in its place. */
  readonly optimization?: 'int8'
}

export interface ServiceSettings {
  readonly enabled: boolean
  /** By alias. */
  readonly models: Readonly<Record<string, ServiceModel>>
  readonly default_model?: string
  readonly env?: Readonly<Record<string, string>>
}

/** By the name of the service. */
export type ServicesSettings = Readonly<Record<string, ServiceSettings>>

/** Keys of `lumos.yaml` that belong to `services`, as in the shorter forms of Lumen's configurations. */
export const BESIDE_SERVICES: ReadonlySet<string> = new Set([
  ...['cluster', 'metadata', 'dependencies', 'hub', 'resources', 'runtime', 'device', 'optimization']
])

/** A text with services and what stands beside them, and not the services alone. */
export const isWholeText = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  (Object.hasOwn(value, 'services') || Object.hasOwn(value, 'cluster'))

interface Mistake {
  readonly path: Path
  readonly message: string
  readonly of: 'key' | 'value'
}

function read(value: unknown): { services: ServicesSettings; problems: Mistake[]; unused: Mistake[] } {
  const problems: Mistake[] = []
  const unused: Mistake[] = []
  const whole = isWholeText(value)
  const names = typeof value === 'string' ? value.split(',').map(name => name.trim()) : value
  const ownPath = (path: Path): Path => (whole ? path : path.slice(1))
  const reader = new Reader(
    {
      value: whole ? value : { services: names },
      problems,
      report: (path, message, of = 'value') => problems.push({ path: ownPath(path), message, of }),
      warn: (path, message) => unused.push({ path: ownPath(path), message, of: 'key' })
    },
    { own: true }
  )
  const configuration = reader.read()
  const isRight = configuration !== undefined && problems.length === 0
  return { services: isRight ? canonical(configuration) : {}, problems, unused }
}

/** What is read of these and not used, each with its place. */
export const unusedOf = (value: unknown): readonly Mistake[] => read(value).unused

export const servicesSettings = z
  .unknown()
  .transform((value, context): ServicesSettings => {
    const { services, problems } = read(value)
    for (const { path, message, of } of problems)
      context.addIssue({ code: 'custom', path: [...path], message, params: { of } })
    return services
  })
  .default({})

const canonical = ({ services }: ResourceConfiguration): ServicesSettings =>
  Object.fromEntries(services.map(service => [service.name, settingsOf(service)]))

function settingsOf({ enabled, models, defaultModel, env }: ServiceWanted): ServiceSettings {
  return {
    enabled,
    models: Object.fromEntries([...models].map(([alias, model]) => [alias, modelOf(model)])),
    ...(defaultModel !== undefined && { default_model: defaultModel }),
    ...(Object.keys(env).length > 0 && { env })
  }
}

function modelOf({ model, runtime, ...more }: ModelWanted): ServiceModel {
  const { device, dataset, source, region, devices, batchSize, optimization } = more
  return {
    ...{ model, runtime },
    ...(device !== undefined && { rknn_device: device }),
    ...(dataset !== undefined && { dataset }),
    ...(source !== undefined && { source }),
    ...(region !== undefined && { region }),
    ...(devices !== undefined && { devices }),
    ...(batchSize !== undefined && { batch_size: batchSize }),
    ...(optimization !== undefined && { optimization })
  }
}

/** What a model with smaller weights is called, where the service wants them. */
export const smallerOf = ({ model, optimization }: ServiceModel): string | undefined =>
  optimization && `${model}-${optimization}`

/** What brings a model of a service: of Lumen's repositories, the parts that its runtime needs. */
export function pullOf({ model, runtime, rknn_device, dataset, source, region }: ServiceModel): {
  ref: string
  name: string
  parts?: { folders: string[]; datasets: string[] }
} {
  if (source !== undefined) return { ref: source, name: model }
  const owned = model.includes('/') ? model : `${OWNERS[region ?? 'other']}/${model}`
  return {
    ref: `${region === 'cn' ? 'ms' : 'hf'}:${owned}`,
    name: model,
    parts: {
      folders: [rknn_device === undefined ? runtime : `${runtime}/${rknn_device}`],
      datasets: dataset === undefined ? [] : [dataset]
    }
  }
}
