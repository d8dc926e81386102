/** What this device measured of a model, kept over a restart. It holds while the model has the same files. */

import type { Logger } from '../../interface/lifecycle.ts'
import type { Model } from '../host/engine.ts'

export interface Measurements {
  /** Unchecked JSON; undefined where nothing was kept for `basis`. */
  of(model: string, what: string, basis: string): unknown
  /** May throw: then it is measured again. */
  keep(model: string, what: string, basis: string, value: unknown): void
}

/** Of one model. One without files may be another one tomorrow, and nothing of it is kept. */
export class Measured {
  readonly #model: Model
  readonly #all: Measurements | undefined
  readonly #log: Logger

  constructor(model: Model, all: Measurements | undefined, log: Logger) {
    this.#model = model
    this.#all = all
    this.#log = log
  }

  of(what: string): unknown {
    const { id, fileBytes } = this.#model
    return fileBytes === undefined ? undefined : this.#all?.of(id, what, String(fileBytes))
  }

  keep(what: string, value: unknown): void {
    const { id, fileBytes } = this.#model
    if (fileBytes === undefined) return
    try {
      this.#all?.keep(id, what, String(fileBytes), value)
    } catch (err) {
      this.#log.warn({ model: id, what, err }, 'a measurement was not kept')
    }
  }
}
