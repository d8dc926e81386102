/** Reads the models of a service: by alias, or as a list. */

import { DeviceName } from '../../../interface/names.ts'
import { ServiceSource } from '../../../interface/services.ts'
import { type Fields, meant, type Path, type ReaderSource, type Values } from './fields.ts'
import type { ModelWanted, Runtime } from './types.ts'

const RUNTIMES: readonly Runtime[] = ['torch', 'onnx', 'rknn']
const OWN_RUNTIMES: readonly Runtime[] = [...RUNTIMES, 'gguf', 'external']
const MODEL = ['model', 'runtime', 'rknn_device', 'device', 'dataset', 'optimization']
const OWN_MODEL = [...MODEL, 'source', 'region', 'devices', 'batch_size']
const MODEL_NAME = /^[A-Za-z0-9][\w.-]{0,95}(?:\/[A-Za-z0-9][\w.-]{0,95})?$/
const DATASET = /^[\w-][\w.-]{0,95}$/
const DEVICE = /^rk[0-9a-z]{2,12}$/
/** No engine takes more at once. */
const BATCH_MAX = 1024
/** Of one service. */
const MODELS_MAX = 64
const DEVICES_MAX = 64

export class ModelReader {
  readonly #source: ReaderSource
  readonly #fields: Fields
  readonly #own: boolean

  constructor(source: ReaderSource, fields: Fields, own: boolean) {
    this.#source = source
    this.#fields = fields
    this.#own = own
  }

  /** A map by alias, or a list, whose first is the default. */
  all(path: Path, value: unknown, defaults: Values): Map<string, ModelWanted> {
    const list = Array.isArray(value)
    const entries: [PropertyKey, unknown][] = list
      ? [...value.entries()]
      : Object.entries(this.#fields.of(path, value) ?? {})
    const models = new Map<string, ModelWanted>()
    const seen = new Map<string, PropertyKey>()
    if (entries.length > MODELS_MAX) this.#source.report(path, `a service has at most ${MODELS_MAX} models`)
    for (const [alias, spec] of entries.slice(0, MODELS_MAX)) {
      const own = [...path, alias]
      const model = this.#model(own, typeof spec === 'string' && list ? { model: spec } : spec, defaults)
      if (model === undefined) continue
      const key = JSON.stringify([model.model, model.runtime, model.device, model.devices])
      const before = seen.get(key)
      if (this.#own && before !== undefined) this.#source.report(own, `is ${String(before)} once more`, 'key')
      seen.set(key, alias)
      models.set(list && alias === 0 ? 'default' : list ? aliasOf(model, models) : String(alias), model)
    }
    return models
  }

  #model(path: Path, value: unknown, defaults: Values): ModelWanted | undefined {
    const spec = this.#fields.of(path, value, this.#own ? OWN_MODEL : MODEL)
    if (spec === undefined) return undefined
    const model = this.#fields.matching([...path, 'model'], spec.model, MODEL_NAME, 'NAME or OWNER/NAME')
    const runtime = (spec.runtime ?? defaults.runtime) as Runtime
    this.#runtime([...path, 'runtime'], runtime)
    const key = spec.rknn_device === undefined && spec.device !== undefined ? 'device' : 'rknn_device'
    const device = spec[key] ?? (runtime === 'rknn' ? defaults.device : undefined)
    if (runtime === 'rknn') this.#fields.matching([...path, key], device, DEVICE, 'a device such as rk3588')
    else if (device !== undefined)
      this.#source.report([...path, key], 'a device is for the runtime rknn alone', 'key')
    const dataset =
      spec.dataset == null
        ? undefined
        : this.#fields.matching([...path, 'dataset'], spec.dataset, DATASET, 'the name of a dataset')
    const source = this.#sourceOf([...path, 'source'], spec.source)
    const devices = this.#devices([...path, 'devices'], spec.devices ?? defaults.devices)
    const batchSize = this.#batch([...path, 'batch_size'], spec.batch_size ?? defaults.batch_size)
    const region = this.#region([...path, 'region'], spec.region ?? defaults.region)
    const optimization = this.#optimization(runtime, spec.optimization ?? defaults.optimization)
    if (model === undefined) return undefined
    return {
      ...{ model, runtime },
      ...(runtime === 'rknn' && { device: String(device) }),
      ...(dataset !== undefined && { dataset }),
      ...(source !== undefined && { source }),
      ...(region !== undefined && { region }),
      ...(devices !== undefined && { devices }),
      ...(batchSize !== undefined && { batchSize }),
      ...(optimization !== undefined && { optimization })
    }
  }

  #sourceOf(path: Path, value: unknown): string | undefined {
    if (value == null || ServiceSource.safeParse(value).success) return (value as string) ?? undefined
    this.#source.report(path, 'expected a source such as hf:OWNER/NAME')
    return undefined
  }

  #runtime(path: Path, runtime: unknown): void {
    const known = this.#own ? OWN_RUNTIMES : RUNTIMES
    if (known.includes(runtime as Runtime)) return
    const hint = typeof runtime === 'string' && this.#own ? meant(runtime, known) : ''
    this.#source.report(path, `expected one of ${known.join(', ')}${hint}`)
  }

  /** Only that of ModelScope is written: the other one is what is meant without. */
  #region(path: Path, value: unknown): 'cn' | undefined {
    if (!this.#own) return undefined
    if (value !== undefined && value !== 'cn' && value !== 'other')
      this.#source.report(path, 'expected cn (ModelScope) or other (Hugging Face)')
    return value === 'cn' ? 'cn' : undefined
  }

  /** What is for another runtime or program is read, and not used. */
  #optimization(runtime: Runtime, value: unknown): 'int8' | undefined {
    if (!this.#own || runtime !== 'onnx' || value !== 'int8') return undefined
    this.#fields.use('optimization')
    return value
  }

  #devices(path: Path, value: unknown): readonly string[] | undefined {
    if (value === undefined) return undefined
    if (!Array.isArray(value) || value.length === 0 || value.length > DEVICES_MAX) {
      this.#source.report(path, `expected a list of 1 to ${DEVICES_MAX} names of devices`)
      return undefined
    }
    for (const [at, name] of value.entries())
      if (!DeviceName.safeParse(name).success)
        this.#source.report([...path, at], 'expected the name of a device')
    return value.map(String)
  }

  #batch(path: Path, value: unknown): number | undefined {
    if (value === undefined) return undefined
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= BATCH_MAX)
      return value as number
    this.#source.report(path, `expected a number, 1 to ${BATCH_MAX}`)
    return undefined
  }
}

/** In a list, a model is called by its name; the same one for another runtime by that too. */
function aliasOf({ model, runtime, device }: ModelWanted, taken: ReadonlyMap<string, unknown>): string {
  if (!taken.has(model)) return model
  return [model, runtime, device].filter(Boolean).join('-')
}
