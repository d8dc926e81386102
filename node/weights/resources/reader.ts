/** Reads a configuration of resources: its canonical form, and the shorter ones as that. */

import { closestNames } from '../../../interface/suggest.ts'
import type { ModelWanted, ResourceConfiguration, Runtime, ServiceWanted } from './types.ts'
import type { YamlText } from './yaml-text.ts'

type Path = readonly PropertyKey[]
type Fields = Readonly<Record<string, unknown>>

const RUNTIMES: readonly Runtime[] = ['torch', 'onnx', 'rknn']
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
const MODEL = ['model', 'runtime', 'rknn_device', 'device', 'dataset', 'optimization']
/** For another program: its packages and ports. */
const UNUSED: ReadonlySet<string> = new Set([
  'package',
  'import',
  'dependencies',
  'server',
  'hub',
  'optimization'
])
const MODEL_NAME = /^[A-Za-z0-9][\w.-]{0,95}(?:\/[A-Za-z0-9][\w.-]{0,95})?$/
const SERVICE_NAME = /^[A-Za-z0-9][\w.-]{0,62}$/
const DATASET = /^[\w-][\w.-]{0,95}$/
const DEVICE = /^rk[0-9a-z]{2,12}$/
/** What Lumen's services run where the configuration names the service alone. */
const SERVICE_MODELS: Readonly<Record<string, string>> = {
  clip: 'MobileCLIP2-S2',
  face: 'antelopev2',
  ocr: 'PP-OCRv5'
}

export class Reader {
  readonly #source: YamlText
  readonly #unused = new Map<string, Path>()

  constructor(source: YamlText) {
    this.#source = source
  }

  read(): ResourceConfiguration | undefined {
    const top = this.#fields([], this.#source.value, TOP)
    if (top === undefined) return undefined
    const short = top.metadata === undefined && top.resources !== undefined
    const at = short ? 'resources' : 'metadata'
    const metadata = this.#fields([at], top[at], short ? [...METADATA, 'runtime'] : METADATA) ?? {}
    const defaults: Fields = { runtime: metadata.runtime, ...top }
    const configuration = {
      version: this.#version([at, 'version'], metadata.version),
      region: this.#region([at, 'region'], metadata.region),
      cacheDir: this.#text([at, 'cache_dir'], metadata.cache_dir),
      services: this.#services(top, defaults)
    }
    const { enabled } = Object.groupBy(configuration.services, one => (one.enabled ? 'enabled' : 'off'))
    if (this.#source.problems.length === 0 && !enabled?.some(({ models }) => models.size > 0))
      this.#source.report(['services'], 'at least one enabled service with models is needed', 'key')
    this.#warn()
    return configuration as ResourceConfiguration
  }

  /** One warning for all of them: they are another program's, and right to be there. */
  #warn(): void {
    const [first] = this.#unused.values()
    if (first !== undefined)
      this.#source.warn(
        first,
        `not used here: ${[...this.#unused.keys()].join(', ')}. Services are started by their own program`
      )
  }

  #services(top: Fields, defaults: Fields): ServiceWanted[] {
    const { services } = top
    if (Array.isArray(services))
      return services.flatMap((name, at) => this.#named(['services', at], name, top, defaults))
    if (top.models !== undefined) this.#source.report(['models'], 'models stand under their service', 'key')
    const all = this.#fields(['services'], services)
    return Object.entries(all ?? {}).flatMap(([name, service]) => {
      if (!SERVICE_NAME.test(name)) this.#source.report(['services', name], 'is no name of a service', 'key')
      return this.#service(name, ['services', name], service, defaults)
    })
  }

  /** `services: [clip]`, with `models` beside it where there is one service. */
  #named(path: Path, name: unknown, top: Fields, defaults: Fields): ServiceWanted[] {
    if (typeof name !== 'string' || !SERVICE_NAME.test(name)) {
      this.#source.report(path, 'expected the name of a service')
      return []
    }
    const known = Object.hasOwn(SERVICE_MODELS, name) ? SERVICE_MODELS[name] : undefined
    let models = new Map<string, ModelWanted>()
    if (top.models === undefined) {
      if (known === undefined)
        this.#source.report(path, `which models? Of ${Object.keys(SERVICE_MODELS).join(', ')} they are known`)
      else models = this.#models(path, [known], defaults)
    } else if ((top.services as unknown[]).length > 1)
      this.#source.report(['models'], 'which service has these models?', 'key')
    else models = this.#models(['models'], top.models, defaults)
    return [{ name, enabled: true, models, defaultModel: [...models.keys()][0], env: {} }]
  }

  #service(name: string, path: Path, value: unknown, defaults: Fields): ServiceWanted[] {
    const service = this.#fields(path, value, SERVICE)
    if (service === undefined) return []
    const { enabled = true, default_model: chosen } = service
    if (typeof enabled !== 'boolean') this.#source.report([...path, 'enabled'], 'expected true or false')
    const models = this.#models([...path, 'models'], service.models ?? {}, defaults)
    if (chosen !== undefined && !models.has(String(chosen)))
      this.#source.report(
        [...path, 'default_model'],
        `models has no ${JSON.stringify(chosen)}${meant(String(chosen), models.keys())}`
      )
    const env = this.#fields([...path, 'env'], service.env ?? {}) ?? {}
    for (const [key, text] of Object.entries(env))
      if (typeof text === 'object') this.#source.report([...path, 'env', key], 'expected a text')
    const texts = Object.fromEntries(Object.entries(env).map(([key, text]) => [key, String(text)]))
    const defaultModel = chosen === undefined ? [...models.keys()][0] : String(chosen)
    return [{ name, enabled: enabled !== false, models, defaultModel, env: texts }]
  }

  /** A map by alias, or a list, whose first is the default. */
  #models(path: Path, value: unknown, defaults: Fields): Map<string, ModelWanted> {
    const list = Array.isArray(value)
    const entries: [PropertyKey, unknown][] = list
      ? [...value.entries()]
      : Object.entries(this.#fields(path, value) ?? {})
    const models = new Map<string, ModelWanted>()
    for (const [alias, spec] of entries) {
      const model = this.#model(
        [...path, alias],
        typeof spec === 'string' && list ? { model: spec } : spec,
        defaults
      )
      if (model === undefined) continue
      models.set(list && alias === 0 ? 'default' : list ? model.model : String(alias), model)
    }
    return models
  }

  #model(path: Path, value: unknown, defaults: Fields): ModelWanted | undefined {
    const spec = this.#fields(path, value, MODEL)
    if (spec === undefined) return undefined
    const model = this.#matching([...path, 'model'], spec.model, MODEL_NAME, 'NAME or OWNER/NAME')
    const runtime = (spec.runtime ?? defaults.runtime) as Runtime
    if (!RUNTIMES.includes(runtime))
      this.#source.report([...path, 'runtime'], `expected one of ${RUNTIMES.join(', ')}`)
    const key = spec.rknn_device === undefined && spec.device !== undefined ? 'device' : 'rknn_device'
    const device = spec[key] ?? (runtime === 'rknn' ? defaults.device : undefined)
    if (runtime === 'rknn') this.#matching([...path, key], device, DEVICE, 'a device such as rk3588')
    else if (device !== undefined)
      this.#source.report([...path, key], 'a device is for the runtime rknn alone', 'key')
    const dataset =
      spec.dataset == null
        ? undefined
        : this.#matching([...path, 'dataset'], spec.dataset, DATASET, 'the name of a dataset')
    if (model === undefined) return undefined
    return {
      ...{ model, runtime },
      ...(runtime === 'rknn' && { device: String(device) }),
      ...(dataset !== undefined && { dataset })
    }
  }

  #version(path: Path, value: unknown): string | undefined {
    if (value === undefined || typeof value === 'string' || typeof value === 'number')
      return value === undefined ? value : String(value)
    this.#source.report(path, 'expected a version such as "1.0"')
    return undefined
  }

  #region(path: Path, value: unknown): string | undefined {
    if (value !== 'cn' && value !== 'other')
      this.#source.report(path, 'expected cn (ModelScope) or other (Hugging Face)')
    return value as string
  }

  #text(path: Path, value: unknown): string | undefined {
    return this.#matching(path, value, /^.{1,4096}$/, 'a text')
  }

  #matching(path: Path, value: unknown, pattern: RegExp, expected: string): string | undefined {
    if (typeof value === 'string' && pattern.test(value)) return value
    this.#source.report(path, `expected ${expected}`)
    return undefined
  }

  /** @param known the names there are; absent: any. */
  #fields(path: Path, value: unknown, known?: readonly string[]): Fields | undefined {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.#source.report(path, value === undefined ? 'is missing' : 'expected names with values, one a line')
      return undefined
    }
    for (const name of Object.keys(value)) {
      const own = [...path, name]
      if (known !== undefined && !known.includes(name))
        this.#source.report(own, `unknown name${meant(name, known)}`, 'key')
      else if (known !== undefined && UNUSED.has(name) && !this.#unused.has(name)) this.#unused.set(name, own)
    }
    return value as Fields
  }
}

function meant(name: string, known: Iterable<string>): string {
  const [closest] = closestNames(name, known)
  return closest === undefined ? '' : `; did you mean ${JSON.stringify(closest)}?`
}
