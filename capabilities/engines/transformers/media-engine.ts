/** Serves one model of pictures or speech, with transformers.js. */

import type { PreTrainedModel } from '@huggingface/transformers'
import { EngineFailedError } from '../../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../../interface/inference.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Engine } from '../../host/engine.ts'
import { answered, type Doing } from '../doing.ts'
import { checkFiles } from '../model-files.ts'
import { cannotLoad, placeOf, sessionOptions } from './library.ts'
import type { Loadable, MediaSettings, Opener } from './media.ts'

interface OpenMedia {
  readonly doing: Doing
  close(): Promise<void>
}

export class MediaEngine implements Engine {
  readonly memoryBytes = 0
  readonly #settings: MediaSettings
  #open: OpenMedia | undefined

  constructor(settings: MediaSettings) {
    this.#settings = settings
  }

  get loaded(): boolean {
    return this.#open !== undefined
  }

  /** @throws {LumosError} `MODEL_INVALID` when a file is not what the model's description says, or cannot be opened. */
  async load(): Promise<void> {
    const { files, graphFile, hashes, stored } = this.#settings
    await checkFiles(graphFile, hashes, files, stored)
    try {
      this.#open = await openMedia(this.#settings)
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

async function openMedia(settings: MediaSettings): Promise<OpenMedia> {
  const { task, directory, graphs, files, threads } = settings
  const place = placeOf(directory)
  const models: PreTrainedModel[] = []
  const formats = Object.fromEntries(Object.entries(graphs).map(([name, { dtype }]) => [name, dtype]))
  const dataFiles = Object.fromEntries(
    Object.entries(graphs).map(([name, { dataFiles }]) => [name, dataFiles === 0 ? false : dataFiles])
  )
  const options = await sessionOptions(
    threads,
    files.filter(file => file.endsWith('.onnx'))
  )
  const open = async (Class: Loadable, graph: string): Promise<PreTrainedModel> => {
    const model = await Class.from_pretrained(place, {
      ...options,
      dtype: graphs[graph]?.dtype ?? (formats as never),
      use_external_data_format: dataFiles as never
    })
    models.push(model)
    return model
  }
  const doing = await (await openerOf(task))(open, settings, place)
  return { doing, close: async () => void (await Promise.all(models.map(model => model.dispose()))) }
}

/** A model of speech needs no decoder of pictures. */
async function openerOf(task: string): Promise<Opener> {
  const { SPEECH } = await import('./speech.ts')
  return SPEECH[task] ?? (await import('./vision.ts')).VISION[task]!
}
