/** The services of this device: which models they bring here, and under which names these answer. */

import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import type {
  NewService,
  ServiceInfo,
  ServiceModelInfo,
  ServiceState,
  Services,
  StatedService
} from '../../interface/services.ts'
import { closestNames } from '../../interface/suggest.ts'
import type { Feature, FeatureComponents, MeshContext, Participation } from '../feature.ts'
import {
  type ServiceModel,
  type ServiceSettings,
  type ServicesSettings,
  smallerOf
} from '../weights/resources/index.ts'
import { Bringing } from './bringing.ts'
import { isProgram, noProgram } from './chosen.ts'
import { KeptServices } from './kept.ts'
import { readStated, statedPart } from './stated.ts'

/** Of one device, those of its settings and those that were created. */
export const SERVICES_MAX = 64

interface Service extends ServiceSettings {
  readonly origin: ServiceInfo['origin']
}

export class ServicesFeature implements Feature<Services>, Services {
  readonly name = 'services'
  readonly facet = this
  readonly #components: FeatureComponents
  readonly #kept: KeptServices
  readonly #bringing: Bringing
  readonly #stated = new Map<string, readonly Omit<StatedService, 'peerId'>[]>()
  #mesh: MeshContext | undefined
  /** Those that are asked in place of others. */
  #smaller: ReadonlySet<string> = new Set()

  constructor(components: FeatureComponents) {
    this.#components = components
    this.#kept = new KeptServices(components.database)
    this.#bringing = new Bringing({
      ...components,
      has: model => this.#has(model),
      arrived: () => this.#changed(),
      failed: (serviceId, error) => components.emit('service.failed', { serviceId, error })
    })
  }

  static of(components: FeatureComponents): ServicesFeature {
    return new ServicesFeature(components)
  }

  join(mesh: MeshContext): Participation {
    this.#mesh = mesh
    this.#stated.clear()
    this.#serve()
    return {
      start: async () => this.#changed(),
      stop: async () => this.#bringing.stop(),
      manifest: () => statedPart(this.list().filter(({ status }) => isHere(status))),
      onManifest: (peerId, part) => {
        const stated = readStated(part)
        if (stated.length > 0) this.#stated.set(peerId, stated)
        else this.#stated.delete(peerId)
      },
      onGone: peerId => void this.#stated.delete(peerId)
    }
  }

  close(): void {
    this.#bringing.stop()
  }

  list(): ServiceInfo[] {
    return [...this.#all()].map(([id, service]) => this.#infoOf(id, service))
  }

  get(id: string): ServiceInfo {
    return this.#infoOf(id, this.#mustHave(id))
  }

  stated(): StatedService[] {
    return [...this.#stated].flatMap(([peerId, all]) => all.map(one => ({ peerId, ...one })))
  }

  create({ id, modelId, runtime = 'onnx', source }: NewService): ServiceInfo {
    const all = this.#all()
    if (all.has(id)) throw new InvalidInputError(`This device has a service "${id}" already.`)
    if (all.size >= SERVICES_MAX)
      throw new InvalidInputError(`A device has at most ${SERVICES_MAX} services.`)
    this.#kept.create({ service: id, model: modelId, runtime, source: source ?? null })
    this.#changed()
    const service = this.get(id)
    this.#components.emit('service.created', { service })
    return service
  }

  delete(id: string): void {
    if (this.#mustHave(id).origin === 'settings')
      throw new InvalidInputError(`The service "${id}" is of the settings.`, {
        hint: `Take it out of lumos.yaml, or stop it: lumos-node services stop ${id}`
      })
    this.#kept.delete(id)
    this.#changed()
  }

  start(id: string): ServiceInfo {
    return this.#say(id, true)
  }

  stop(id: string): ServiceInfo {
    return this.#say(id, false)
  }

  scaled(id: string, replicas: number): void {
    this.#mustHave(id)
    this.#components.emit('service.scaled', { serviceId: id, replicas })
  }

  #say(id: string, enabled: boolean): ServiceInfo {
    this.#mustHave(id)
    this.#kept.say(id, enabled)
    this.#bringing.forget(id)
    this.#changed()
    return this.get(id)
  }

  #changed(): void {
    this.#serve()
    this.#mesh?.manifestChanged()
    this.#bringing.want(
      [...this.#all()].flatMap(([service, { enabled, models }]) =>
        enabled
          ? this.#meantHere(models).flatMap(([, model]) => (isProgram(model) ? [] : { service, model }))
          : []
      )
    )
  }

  /** Each enabled service by its name; models of disabled services alone are served no more. */
  #serve(): void {
    const names = new Map<string, string>()
    const wanted = new Set<string>()
    const unwanted: string[] = []
    const all = this.#all()
    const models = [...all.values()].flatMap(service => Object.values(service.models))
    this.#smaller = new Set(models.flatMap(model => smallerOf(model) ?? []).filter(name => this.#has(name)))
    for (const [id, service] of all) {
      const here = this.#meantHere(service.models).flatMap(([, model]) =>
        [model.model, smallerOf(model) ?? []].flat()
      )
      for (const model of here) if (service.enabled) wanted.add(model)
      if (!service.enabled) unwanted.push(...here)
      else if (here.length > 0) names.set(id, this.#asked(this.#defaultOf(service)[1]))
    }
    this.#components.registry.serve(names, new Set(unwanted.filter(model => !wanted.has(model))))
  }

  #all(): Map<string, Service> {
    const settings = Object.entries(this.#components.settings as ServicesSettings)
    const all = new Map<string, Service>(
      settings.map(([id, service]) => [id, { ...service, origin: 'settings' }])
    )
    for (const { service, model, runtime, source } of this.#kept.created()) {
      if (all.has(service)) continue
      const spec = { model, runtime: runtime as ServiceModel['runtime'], ...(source && { source }) }
      all.set(service, { enabled: true, models: { default: spec }, origin: 'created' })
    }
    for (const [id, enabled] of this.#kept.said) {
      const service = all.get(id)
      if (service !== undefined) all.set(id, { ...service, enabled })
    }
    return all
  }

  #mustHave(id: string): Service {
    const all = this.#all()
    const service = all.get(id)
    if (service !== undefined) return service
    const closest = closestNames(id, all.keys())
    throw new LumosError('SERVICE_NOT_FOUND', `This device has no service "${id.slice(0, 64)}".`, {
      hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : 'See what it has: lumos-node services',
      details: { closest }
    })
  }

  #meantHere(models: ServiceSettings['models']): [alias: string, model: ServiceModel][] {
    const mesh = this.#mesh
    const own = mesh?.members.lastKnown(mesh.peerId)?.name
    return Object.entries(models).filter(([, { devices }]) => devices === undefined || devices.includes(own!))
  }

  /** Of the models that are meant for this device, where there is one. */
  #defaultOf({ models, default_model }: ServiceSettings): [alias: string, model: ServiceModel] {
    const here = this.#meantHere(models)
    const all = here.length > 0 ? here : Object.entries(models)
    return all.find(([alias]) => alias === default_model) ?? all[0]!
  }

  #infoOf(id: string, service: Service): ServiceInfo {
    const here = new Set(this.#meantHere(service.models).map(([alias]) => alias))
    const models = Object.entries(service.models).map(([alias, model]) =>
      this.#modelInfo(alias, model, service.enabled, here.has(alias))
    )
    const [chosen, model] = this.#defaultOf(service)
    const modelId = this.#asked(model)
    const { state } = models.find(({ alias }) => alias === chosen)!
    return { id, modelId, status: state, origin: service.origin, models }
  }

  #modelInfo(alias: string, model: ServiceModel, enabled: boolean, isMeantHere: boolean): ServiceModelInfo {
    const { runtime, devices = [] } = model
    const modelId = this.#asked(model)
    const about = { alias, modelId, runtime, reason: null, jobId: null }
    if (!isMeantHere) return { ...about, state: 'elsewhere', reason: `it is for ${devices.join(', ')}` }
    if (!enabled) return { ...about, state: 'disabled' }
    const { registry, catalogue } = this.#components
    const failure = [...catalogue.leftOut, ...registry.failed()].find(({ model }) => model === modelId)
    const served = registry.models().find(({ names }) => names.includes(modelId))
    if (served !== undefined) {
      const state: ServiceState = served.warm ? 'ready' : failure === undefined ? 'cold' : 'failed'
      return { ...about, state, reason: state === 'failed' ? failure!.reason : null }
    }
    const { jobId, error } = this.#bringing.of(modelId)
    if (jobId !== undefined) return { ...about, state: 'fetching', jobId }
    const reason = failure?.reason ?? error ?? (isProgram(model) ? noProgram(modelId) : null)
    return { ...about, state: reason === null ? 'absent' : 'failed', reason }
  }

  /** The smaller one, where the service wants it and it is here. */
  #asked(model: ServiceModel): string {
    const smaller = smallerOf(model)
    return smaller !== undefined && this.#smaller.has(smaller) ? smaller : model.model
  }

  #has(model: string): boolean {
    const { registry, catalogue } = this.#components
    return (
      registry.models().some(({ names }) => names.includes(model)) ||
      catalogue.leftOut.some(one => one.model === model)
    )
  }
}

const isHere = (status: ServiceState): boolean => status === 'ready' || status === 'cold'
