/**
 * Runs one ONNX graph with onnxruntime. A run blocks its thread from start to
 * end, so this module is loaded only in an engine's own process.
 */

import { InferenceSession } from 'onnxruntime-node'
import { EngineFailedError, LumosError } from '../../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../../interface/inference.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { TaskInput, TaskParams } from '../../../interface/tasks/index.ts'
import type { Engine } from '../../host/engine.ts'
import type { EngineModule } from '../../host/engine-messages.ts'
import { checkFiles } from '../model-files.ts'
import { checkGraph, type ImageSettings, imageTensor, topLabels } from './image.ts'
import { feedsOf, outputsOf } from './tensor.ts'

/** What `createEngine` is given. */
export interface OnnxSettings {
  /** The graph, relative to the working directory. */
  readonly file: string
  /** Lower-case hex by file; the model is refused when one of them is another. */
  readonly hashes: Readonly<Record<string, string>>
  readonly threads: number
  /** Present when the graph classifies images. */
  readonly image?: ImageSettings | undefined
}

class OnnxEngine implements Engine {
  readonly memoryBytes = 0
  readonly #settings: OnnxSettings
  #session: InferenceSession | undefined

  constructor(settings: OnnxSettings) {
    this.#settings = settings
  }

  get loaded(): boolean {
    return this.#session !== undefined
  }

  /** @throws {LumosError} `MODEL_INVALID` when the file is not what the model's description says. */
  async load(): Promise<void> {
    const { file, hashes, threads, image } = this.#settings
    await checkFiles(file, hashes)

    let session: InferenceSession
    try {
      session = await InferenceSession.create(file, {
        executionProviders: ['cpu'],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        // Errors only: warnings of the runtime speak of graphs, which no user of a model can change.
        logSeverityLevel: 3,
        // Threads that spin while they wait for work cost four times the CPU and save nothing here.
        extra: { session: { intra_op: { allow_spinning: '0' } } }
      })
    } catch (err) {
      const { message } = err as Error
      // Weights in files of their own: the runtime looks at every folder above them.
      const advice = message.includes('Permission denied')
        ? ' Engines run as another user, and the weights lie below a private folder: keep the model in one of models.directories, or install bubblewrap.'
        : ''
      throw new LumosError('MODEL_INVALID', `${file} cannot be loaded: ${message}${advice}`, { cause: err })
    }
    if (image !== undefined) checkGraph(session, image)
    this.#session = session
  }

  async close(): Promise<void> {
    await this.#session?.release()
    this.#session = undefined
  }

  async *infer(request: InferenceRequest, { signal }: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    signal?.throwIfAborted()
    const output = await (request.task === 'tensor'
      ? this.#runTensors(request.input as TaskInput<'tensor'>)
      : this.#classify(
          request.input as TaskInput<'image-classification'>,
          request.params as TaskParams<'image-classification'>,
          signal
        ))
    yield { type: 'output', index: 0, output }
    yield { type: 'done', index: 1, finishReason: 'stop', usage: {} }
  }

  async #runTensors({ tensors }: TaskInput<'tensor'>): Promise<unknown> {
    const session = this.#running()
    const outputs = await session.run(feedsOf(tensors, session.inputMetadata))
    return { tensors: outputsOf(outputs) }
  }

  async #classify(
    { image }: TaskInput<'image-classification'>,
    { topK }: TaskParams<'image-classification'>,
    signal?: AbortSignal
  ): Promise<unknown> {
    const session = this.#running()
    const settings = this.#settings.image
    if (settings === undefined) throw new EngineFailedError('This graph does not classify images.')

    const feed = await imageTensor(image, settings)
    // The last chance: a run cannot be interrupted.
    signal?.throwIfAborted()
    const outputs = await session.run({ [settings.input]: feed })
    return { labels: topLabels(outputs[settings.output]?.data as Float32Array, settings.labels, topK) }
  }

  #running(): InferenceSession {
    if (this.#session === undefined) throw new EngineFailedError('The graph is not loaded.')
    return this.#session
  }
}

export const createEngine: EngineModule['createEngine'] = settings => new OnnxEngine(settings as OnnxSettings)
