/** Serves models that are ONNX graphs. A run blocks its thread, so this module is loaded only in an engine's own process. */

import { dirname } from 'node:path'
import type { InferenceSession } from 'onnxruntime-node'
import { EngineFailedError } from '../../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../../interface/inference.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Engine } from '../../host/engine.ts'
import type { EngineModule } from '../../host/engine-messages.ts'
import { answered, type Doing } from '../doing.ts'
import { checkFiles } from '../model-files.ts'
import { tuned } from '../tuned.ts'
import { type ClassifierSettings, classifier, tensors } from './classifier.ts'
import { type ClipSettings, openClip } from './clip.ts'
import { type DetectorSettings, detector } from './detector.ts'
import { type FaceSettings, openFaces } from './faces/faces.ts'
import { openGraph } from './graph.ts'
import { openReader, type ReaderSettings } from './text/reader.ts'
import { openVoice, type VoiceSettings } from './voice.ts'

/** What `createEngine` is given. All files are relative to the working directory. */
export interface OnnxSettings {
  /** By what each is for. */
  readonly graphs: Readonly<Record<string, string>>
  /** What else is opened. */
  readonly files: readonly string[]
  /** Lower-case hex by file; the model is refused when one of them is another. */
  readonly hashes: Readonly<Record<string, string>>
  readonly stored?: boolean | undefined
  /** At most; as many as are faster are used. */
  readonly threads: number
  readonly model: ModelSettings
}

/** What the graphs are together. */
export type ModelSettings =
  | { readonly form: 'graph' }
  | ClassifierSettings
  | ClipSettings
  | DetectorSettings
  | VoiceSettings
  | FaceSettings
  | ReaderSettings

type Graphs = Readonly<Record<string, InferenceSession>>

/** A new form of model is a line here, and one where folders are read. */
const OPEN: {
  readonly [F in ModelSettings['form']]: (
    graphs: Graphs,
    settings: Extract<ModelSettings, { form: F }>
  ) => Doing | Promise<Doing>
} = {
  graph: ({ graph }) => tensors(graph!),
  classifier: ({ graph }, settings) => classifier(graph!, settings),
  faces: openFaces,
  reader: openReader,
  detector: ({ graph }, settings) => detector(graph!, settings),
  clip: (graphs, settings) => openClip(graphs, settings),
  voice: ({ graph }, settings) => openVoice(graph!, settings)
}

class OnnxEngine implements Engine {
  readonly memoryBytes = 0
  readonly #settings: OnnxSettings
  #graphs: InferenceSession[] = []
  #doing: Doing | undefined

  constructor(settings: OnnxSettings) {
    this.#settings = settings
  }

  get loaded(): boolean {
    return this.#doing !== undefined
  }

  /** @throws {LumosError} `MODEL_INVALID` when a file is not what the model's description says. */
  async load(): Promise<void> {
    const { graphs, files, hashes, stored, threads, model } = this.#settings
    const byFolder = new Map(Object.values(graphs).map(file => [dirname(file), file]))
    for (const file of byFolder.values()) await checkFiles(file, hashes, files, stored)

    const open: Record<string, InferenceSession> = {}
    for (const [role, file] of Object.entries(graphs)) {
      open[role] = await openGraph(file, threads)
      this.#graphs.push(open[role])
    }
    this.#doing = await OPEN[model.form](open, model as never)
  }

  async close(): Promise<void> {
    this.#doing = undefined
    await Promise.all(this.#graphs.splice(0).map(graph => graph.release()))
  }

  async *infer(request: InferenceRequest, options: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    options.signal?.throwIfAborted()
    if (this.#doing === undefined) throw new EngineFailedError('The graph is not loaded.')
    yield* answered(this.#doing, request, options)
  }
}

export const createEngine: EngineModule['createEngine'] = (settings, tuning) => {
  const all = settings as OnnxSettings
  return tuned(all.threads, tuning, threads => new OnnxEngine({ ...all, threads }))
}
