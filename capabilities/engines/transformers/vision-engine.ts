/** Serves one model that sees, with transformers.js. */

import { EngineFailedError } from '../../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../../interface/inference.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { TaskName } from '../../../interface/tasks/index.ts'
import type { Engine } from '../../host/engine.ts'
import { answered } from '../doing.ts'
import { checkFiles } from '../model-files.ts'
import type { LabelSettings } from '../pictures/clip.ts'
import { cannotLoad, type GraphOptions } from './library.ts'
import { type OpenVision, openVision } from './vision.ts'

/** What `createEngine` is given for a model that sees. All files are relative to the working directory. */
export interface VisionSettings {
  readonly task: TaskName
  /** The repository; empty where it is the working directory. */
  readonly directory: string
  /** By the names that the library has for them. */
  readonly graphs: Readonly<Record<string, GraphOptions>>
  readonly graphFile: string
  /** All that is opened. */
  readonly files: readonly string[]
  /** Lower-case hex by file; the model is refused when one of them is another. */
  readonly hashes: Readonly<Record<string, string>>
  readonly contextTokens?: number | undefined
  readonly labels: LabelSettings
  readonly threads: number
}

export class VisionEngine implements Engine {
  readonly memoryBytes = 0
  readonly #settings: VisionSettings
  #open: OpenVision | undefined

  constructor(settings: VisionSettings) {
    this.#settings = settings
  }

  get loaded(): boolean {
    return this.#open !== undefined
  }

  /** @throws {LumosError} `MODEL_INVALID` when a file is not what the model's description says, or cannot be opened. */
  async load(): Promise<void> {
    const { files, graphFile, hashes } = this.#settings
    await checkFiles(graphFile, hashes, files)
    try {
      this.#open = await openVision(this.#settings)
    } catch (err) {
      throw cannotLoad(err)
    }
  }

  async close(): Promise<void> {
    await this.#open?.close()
    this.#open = undefined
  }

  async *infer(request: InferenceRequest, options: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    options.signal?.throwIfAborted()
    if (this.#open === undefined) throw new EngineFailedError('The model is not loaded.')
    yield* answered(this.#open.doing, request, options)
  }
}
