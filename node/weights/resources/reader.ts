/** Reads a configuration of resources: its canonical form, and the shorter ones as that. */

import { isTaskName } from '../../../interface/tasks/index.ts'
import { Fields, meant, type Path, type ReaderSource, type Values } from './fields.ts'
import { isOfLumen, KNOWN_SERVICES } from './known-services.ts'
import { ModelReader } from './model-reader.ts'
import { readEnv } from './service-env.ts'
import type { ModelWanted, ResourceConfiguration, ServiceWanted } from './types.ts'

const TOP = [
  'metadata',
  'dependencies',
  'services',
  'hub',
  'resources',
  'models',
  'runtime',
  'device',
  'optimization'
]
const METADATA = ['version', 'region', 'cache_dir']
const SERVICE = ['enabled', 'package', 'import', 'models', 'default_model', 'env', 'server']
const CLUSTER = ['nodes']
const CLUSTER_NODE = ['device', 'services', 'runtime', 'rknn_device', 'models', 'optimization']
const SERVICE_NAME = /^[A-Za-z0-9][\w.-]{0,62}$/
/** More than one device has memory for. */
const SERVICES_MAX = 64
/** What Lumen's services run where its configuration names the service alone. */
const LUMENS = ['clip', 'face', 'ocr']

export interface ReaderOptions {
  /** Of a node's own configuration: it needs no metadata, knows more services, and may name devices. */
  readonly own?: boolean
}

export class Reader {
  readonly #source: ReaderSource
  readonly #own: boolean
  readonly #fields: Fields
  readonly #models: ModelReader

  constructor(source: ReaderSource, { own = false }: ReaderOptions = {}) {
    this.#source = source
    this.#own = own
    this.#fields = new Fields(source)
    this.#models = new ModelReader(source, this.#fields, own)
  }

  read(): ResourceConfiguration | undefined {
    const top = this.#fields.of([], this.#source.value, this.#own ? [...TOP, 'cluster'] : TOP)
    if (top === undefined) return undefined
    const short = top.metadata === undefined && top.resources !== undefined
    const at = short ? 'resources' : 'metadata'
    const given = this.#own ? (top[at] ?? {}) : top[at]
    const metadata = this.#fields.of([at], given, short ? [...METADATA, 'runtime'] : METADATA) ?? {}
    const { runtime, region } = metadata
    const defaults: Values = { runtime, ...(this.#own && isRegion(region) && { region }), ...top }
    const configuration = {
      version: this.#version([at, 'version'], metadata.version),
      region: this.#region([at, 'region'], metadata.region),
      cacheDir: this.#cacheDir([at, 'cache_dir'], metadata.cache_dir),
      services: merged([
        ...(top.cluster === undefined || top.services !== undefined ? this.#services(top, defaults) : []),
        ...(top.cluster === undefined ? [] : this.#cluster(top.cluster, defaults))
      ])
    }
    if (!this.#own) this.#needsModels(configuration.services)
    this.#fields.warnUnused()
    return configuration as ResourceConfiguration
  }

  #needsModels(services: readonly ServiceWanted[]): void {
    if (this.#source.problems.length > 0) return
    if (services.some(({ enabled, models }) => enabled && models.size > 0)) return
    this.#source.report(['services'], 'at least one enabled service with models is needed', 'key')
  }

  #services(top: Values, defaults: Values): ServiceWanted[] {
    const { services } = top
    if (Array.isArray(services)) return this.#list([], services, top, defaults)
    if (top.models !== undefined) this.#source.report(['models'], 'models stand under their service', 'key')
    const all = Object.entries(this.#fields.of(['services'], services) ?? {})
    if (all.length > SERVICES_MAX)
      this.#source.report(['services'], `a device has at most ${SERVICES_MAX} services`)
    return all.slice(0, SERVICES_MAX).flatMap(([name, service]) => {
      if (!this.#isName(name)) this.#source.report(['services', name], 'is no name of a service', 'key')
      return this.#service(name, ['services', name], service, defaults)
    })
  }

  /** A request names a task or a model; what is a task would never mean the service. */
  #isName = (name: string): boolean => SERVICE_NAME.test(name) && !(this.#own && isTaskName(name))

  #list(base: Path, services: readonly unknown[], top: Values, defaults: Values): ServiceWanted[] {
    if (services.length > SERVICES_MAX)
      this.#source.report([...base, 'services'], `a device has at most ${SERVICES_MAX} services`)
    return services.slice(0, SERVICES_MAX).flatMap((name, at) => {
      const path = [...base, 'services', at]
      if (services.indexOf(name) < at) {
        this.#source.report(path, `${JSON.stringify(name)} stands here twice`)
        return []
      }
      return this.#named(path, name, { base, top, defaults, only: services.length === 1 })
    })
  }

  /** `services: [clip]`, with `models` beside it where there is one service. */
  #named(path: Path, name: unknown, { base, top, defaults, only }: Beside): ServiceWanted[] {
    if (typeof name !== 'string' || !this.#isName(name)) {
      this.#source.report(path, 'expected the name of a service')
      return []
    }
    let models = new Map<string, ModelWanted>()
    const beside = [...base, 'models']
    if (top.models === undefined) models = this.#known(path, name, defaults)
    else if (only) models = this.#models.all(beside, top.models, defaults)
    else this.#source.report(beside, 'which service has these models?', 'key')
    return [{ name, enabled: true, models, defaultModel: [...models.keys()][0], env: {} }]
  }

  #known(path: Path, name: string, defaults: Values): Map<string, ModelWanted> {
    const names = this.#own ? Object.keys(KNOWN_SERVICES) : LUMENS
    if (!names.includes(name)) {
      this.#source.report(path, `which models? Of ${names.join(', ')} they are known${meant(name, names)}`)
      return new Map()
    }
    const { model, runtime, source } = KNOWN_SERVICES[name]!
    if (!this.#own) return this.#models.all(path, [model], defaults)
    const spec = isOfLumen(KNOWN_SERVICES[name]!) ? { model } : { model, runtime, source }
    return this.#models.all(path, [spec], { ...defaults, runtime: defaults.runtime ?? runtime })
  }

  #service(name: string, path: Path, value: unknown, defaults: Values): ServiceWanted[] {
    const service = this.#fields.of(path, value, this.#own ? [...SERVICE, 'batch_size'] : SERVICE)
    if (service === undefined) return []
    const { enabled = true, default_model: chosen } = service
    if (typeof enabled !== 'boolean') this.#source.report([...path, 'enabled'], 'expected true or false')
    const own = { ...defaults, ...(service.batch_size !== undefined && { batch_size: service.batch_size }) }
    const isKnown = this.#own && service.models === undefined
    const models = isKnown
      ? this.#known(path, name, own)
      : this.#models.all([...path, 'models'], service.models ?? {}, own)
    if (this.#own && models.size === 0 && this.#source.problems.length === 0)
      this.#source.report([...path, 'models'], 'a service needs a model')
    if (chosen !== undefined && !models.has(String(chosen)))
      this.#source.report(
        [...path, 'default_model'],
        `models has no ${JSON.stringify(chosen)}${meant(String(chosen), models.keys())}`
      )
    const env = readEnv(service.env, {
      ...{ path: [...path, 'env'], fields: this.#fields, source: this.#source },
      models: this.#own ? models : undefined
    })
    const defaultModel = chosen === undefined ? [...models.keys()][0] : String(chosen)
    return [{ name, enabled: enabled !== false, models, defaultModel, env }]
  }

  /** Services of several devices in one text: each device takes up its own. */
  #cluster(value: unknown, all: Values): ServiceWanted[] {
    const { nodes } = this.#fields.of(['cluster'], value, CLUSTER) ?? {}
    if (!Array.isArray(nodes)) {
      this.#source.report(['cluster', 'nodes'], 'expected a list of devices')
      return []
    }
    return nodes.flatMap((value, at) => {
      const path = ['cluster', 'nodes', at]
      const node = this.#fields.of(path, value, CLUSTER_NODE)
      if (node === undefined) return []
      if (!Array.isArray(node.services)) {
        this.#source.report([...path, 'services'], 'expected a list of services')
        return []
      }
      const { device, rknn_device: npu, ...rest } = node
      return this.#list(path, node.services, node, {
        ...rest,
        device: npu,
        devices: [device],
        region: all.region
      })
    })
  }

  #version(path: Path, value: unknown): string | undefined {
    if (value === undefined || typeof value === 'string' || typeof value === 'number')
      return value === undefined ? value : String(value)
    this.#source.report(path, 'expected a version such as "1.0"')
    return undefined
  }

  #region(path: Path, value: unknown): string {
    if (value === undefined && this.#own) return 'other'
    if (!isRegion(value)) this.#source.report(path, 'expected cn (ModelScope) or other (Hugging Face)')
    return value as string
  }

  #cacheDir(path: Path, value: unknown): string | undefined {
    if (value === undefined && this.#own) return undefined
    return this.#fields.matching(path, value, /^.{1,4096}$/, 'a text')
  }
}

const isRegion = (value: unknown): boolean => value === 'cn' || value === 'other'

/** What stands around a list of services. */
interface Beside {
  readonly base: Path
  readonly top: Values
  readonly defaults: Values
  /** It names one service. */
  readonly only: boolean
}

/** One service of each name: two devices may have it with other models. */
function merged(services: readonly ServiceWanted[]): ServiceWanted[] {
  const byName = new Map<string, ServiceWanted>()
  for (const service of services) {
    const known = byName.get(service.name)
    if (known === undefined) byName.set(service.name, service)
    else byName.set(service.name, { ...known, models: together(known.models, service.models) })
  }
  return [...byName.values()]
}

function together(
  some: ReadonlyMap<string, ModelWanted>,
  more: ReadonlyMap<string, ModelWanted>
): Map<string, ModelWanted> {
  const all = new Map(some)
  for (const model of more.values()) {
    const { devices, ...what } = model
    const same = [...all].find(([, { devices: _, ...known }]) => isSame(known, what))
    if (same === undefined) all.set(all.has(model.model) ? `${devices?.[0]}` : model.model, model)
    else all.set(same[0], { ...model, devices: [...(same[1].devices ?? []), ...(devices ?? [])] })
  }
  return all
}

const isSame = (one: Partial<ModelWanted>, other: Partial<ModelWanted>): boolean =>
  JSON.stringify(one) === JSON.stringify(other)
