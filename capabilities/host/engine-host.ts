/**
 * An engine in a process of its own, as an `Engine` like any other. Its
 * processes come and go; after one has died, `load` starts the next.
 */

import type { Clock } from '../../interface/clock.ts'
import { EngineFailedError } from '../../interface/errors.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { AbortOptions, Logger } from '../../interface/lifecycle.ts'
import type { EngineSandbox } from '../../interface/node.ts'
import type { Engine } from './engine.ts'
import type { EngineEnvironment } from './engine-environment.ts'
import type { EngineSpec } from './engine-launch.ts'
import type { Tuning } from './engine-messages.ts'
import { EngineProcess } from './engine-process.ts'

export interface EngineHostOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly env: EngineEnvironment
  /** Default: what holds on this device. */
  readonly sandbox?: EngineSandbox
  readonly tuning?: Tuning
}

export class EngineHost implements Engine {
  readonly checksAnswers = true
  readonly #spec: EngineSpec
  readonly #options: EngineHostOptions
  #process: EngineProcess | undefined
  onLost?: () => void
  onMemory?: () => void

  constructor(spec: EngineSpec, options: EngineHostOptions) {
    this.#spec = spec
    this.#options = options
  }

  get loaded(): boolean {
    return this.#process?.loaded ?? false
  }

  get memoryBytes(): number {
    return this.#process?.memoryBytes ?? 0
  }

  async load(): Promise<void> {
    if (this.loaded) return
    this.#process = new EngineProcess({
      ...this.#options,
      spec: this.#spec,
      onLost: () => this.onLost?.(),
      onMemory: () => this.onMemory?.()
    })
    await this.#process.start()
  }

  async close(): Promise<void> {
    await this.#process?.stop()
  }

  infer(request: PreparedRequest, options?: AbortOptions): AsyncIterable<InferenceChunk> {
    if (this.#process === undefined) throw new EngineFailedError(`"${this.#spec.name}" is not loaded.`)
    return this.#process.infer(request, options)
  }

  settled(): Promise<void> | undefined {
    return this.#process?.settled()
  }
}
