/** Serves one model that sees, with transformers.js. */

import { EngineFailedError } from '../../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../../interface/inference.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Engine } from '../../host/engine.ts'
import { answered } from '../doing.ts'
import { checkFiles } from '../model-files.ts'
import { cannotLoad } from './library.ts'
import { type OpenVision, openVision, type VisionSettings } from './vision.ts'

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
