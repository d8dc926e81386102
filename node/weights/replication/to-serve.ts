/** Brings the models that the settings want loaded here, where a device of the mesh states to hold them. */

import type { Clock, Timer } from '../../../interface/clock.ts'
import type { Logger } from '../../../interface/lifecycle.ts'
import type { FeatureComponents } from '../../feature.ts'

/** A pull that failed, or a model that was taken away, is tried again. */
const RETRY_MS = 3600 * 1000
/** The node takes no jobs yet. */
const AGAIN_MS = 1000

export interface ToServeComponents extends Pick<FeatureComponents, 'begin'> {
  readonly clock: Clock
  readonly log: Logger
  readonly names: readonly string[]
  /** Whether a model of this name is here, from wherever. */
  has(name: string): boolean
  /** Whether a device of the mesh states to hold it. */
  isStated(name: string): boolean
}

export class ToServe {
  readonly #components: ToServeComponents
  readonly #triedMs = new Map<string, number>()
  #timer: Timer | undefined

  constructor(components: ToServeComponents) {
    this.#components = components
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  look(): void {
    const { clock, log, names, has, isStated, begin } = this.#components
    const nowMs = clock.monotonicMs()
    for (const name of names) {
      if (nowMs - (this.#triedMs.get(name) ?? Number.NEGATIVE_INFINITY) < RETRY_MS) continue
      if (has(name) || !isStated(name)) continue
      try {
        begin('model.pull', { ref: name })
        this.#triedMs.set(name, nowMs)
        log.info({ model: name }, 'the settings want a model here that a device of the mesh has')
      } catch (err) {
        log.debug({ model: name, err }, 'no pull was begun')
        this.#timer ??= clock.setTimer(() => {
          this.#timer = undefined
          this.look()
        }, AGAIN_MS)
      }
    }
  }
}
