/** Brings the models of enabled services that are not here, and makes smaller ones of them: each by a job, once for each time that they are wanted. */

import type { Clock, Timer } from '../../interface/clock.ts'
import { toLumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { FeatureComponents } from '../feature.ts'
import { pullOf, type ServiceModel, smallerOf } from '../weights/resources/index.ts'

/** The node takes no jobs yet. */
const AGAIN_MS = 1000

interface Wanted {
  readonly service: string
  readonly model: ServiceModel
}

interface Tried {
  readonly service: string
  readonly jobId?: string
  readonly error?: string
}

export interface BringingComponents extends Pick<FeatureComponents, 'begin' | 'watchJob'> {
  readonly clock: Clock
  readonly log: Logger
  /** Whether a model of this name is here, served or not. */
  has(model: string): boolean
  /** One has come. */
  arrived(): void
  failed(service: string, error: string): void
}

export class Bringing {
  readonly #components: BringingComponents
  readonly #tried = new Map<string, Tried>()
  #closed = new AbortController()
  #timer: Timer | undefined

  constructor(components: BringingComponents) {
    this.#components = components
  }

  /** Of a model that is brought now, its job; of one that did not come, why. */
  of(model: string): Pick<Tried, 'jobId' | 'error'> {
    return this.#tried.get(model) ?? {}
  }

  want(all: readonly Wanted[]): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const { service, model } of all) {
      const isHere = this.#components.has(model.model)
      const name = isHere ? smallerOf(model) : model.model
      if (name === undefined || this.#components.has(name) || this.#tried.has(name)) continue
      try {
        if (isHere) this.#begin(service, name, 'model.quantize', { model: model.model, name })
        else this.#begin(service, name, 'model.pull', pullOf(model))
      } catch (err) {
        this.#components.log.debug({ model: name, err }, 'no job was begun')
        this.#timer ??= this.#components.clock.setTimer(() => this.want(all), AGAIN_MS)
      }
    }
  }

  /** Models of this service that did not come are tried again. */
  forget(service: string): void {
    for (const [name, tried] of this.#tried)
      if (tried.service === service && tried.jobId === undefined) this.#tried.delete(name)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#closed.abort()
    this.#closed = new AbortController()
    this.#tried.clear()
  }

  /** @throws {LumosError} where no more jobs are taken. */
  #begin(service: string, name: string, kind: string, input: object): void {
    const { id } = this.#components.begin(kind, input)
    this.#components.log.info({ service, model: name, job: id }, 'a service wants a model that is not here')
    this.#tried.set(name, { service, jobId: id })
    void this.#follow(service, name, id, this.#closed.signal)
  }

  async #follow(service: string, name: string, jobId: string, signal: AbortSignal): Promise<void> {
    const { watchJob, failed } = this.#components
    let error: string | undefined
    try {
      for await (const { state, error: why } of watchJob(jobId, { signal }))
        error = state === 'done' ? undefined : (why?.message ?? `its job is ${state}`)
    } catch (thrown) {
      error = toLumosError(thrown).message
    }
    if (signal.aborted) return
    if (error === undefined) {
      this.#tried.delete(name)
      this.#components.arrived()
    } else {
      this.#tried.set(name, { service, error })
      failed(service, `${name} did not come: ${error}`)
    }
  }
}
