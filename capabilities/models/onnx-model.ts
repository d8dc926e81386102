/** From a model on disk to one that is served: its own process, loaded on first use. */

import type { Clock } from '../../interface/clock.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { EngineSandbox } from '../../interface/node.ts'
import type { OnnxSettings } from '../engines/onnx/engine.ts'
import { ONNX_ENGINE } from '../entries.ts'
import type { Model } from '../host/engine.ts'
import type { EngineEnvironment } from '../host/engine-environment.ts'
import { EngineHost } from '../host/engine-host.ts'
import type { FoundModel } from './model-info.ts'

/** A run occupies the process it runs in, so a second one could only wait there. */
const ONNX_SLOTS = 1
/** More threads than this seldom make a graph of a private mesh faster. */
const THREADS_MAX = 8

export interface OnnxModelOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly env: EngineEnvironment
  readonly sandbox?: EngineSandbox
  /** Cores of this device; one is left to the network. */
  readonly cores: number
}

export function onnxModel(found: FoundModel, { cores, ...host }: OnnxModelOptions): Model {
  const { description, tasks, folder, file, hashes, image } = found
  const threads = Math.max(1, Math.min(cores - 1, THREADS_MAX))
  const settings: OnnxSettings = { file, hashes, threads, image }
  return {
    id: description.name,
    tasks,
    slots: ONNX_SLOTS,
    engine: new EngineHost({ name: description.name, module: ONNX_ENGINE, settings, folder }, host)
  }
}
