/** The ONNX engine for many graphs: each request opens the graph that it names. A process for each would take minutes. */

import { createEngine as createOnnx, type OnnxSettings } from '../../capabilities/engines/onnx/engine.ts'
import type { Engine } from '../../capabilities/host/engine.ts'
import type { EngineModule } from '../../capabilities/host/engine-messages.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'

const SETTINGS: OnnxSettings = {
  ...{ graphs: { graph: 'model.onnx' }, files: [], hashes: {}, threads: 1 },
  model: { form: 'graph' }
}

class EachGraph implements Engine {
  readonly loaded = true
  readonly memoryBytes = 0
  readonly #root = process.cwd()

  async load(): Promise<void> {}
  async close(): Promise<void> {}

  async *infer(request: PreparedRequest, options: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    process.chdir(`${this.#root}/${request.model}`)
    const graph = createOnnx(SETTINGS)
    try {
      await graph.load()
      yield* graph.infer(request, options)
    } finally {
      await graph.close()
    }
  }
}

export const createEngine: EngineModule['createEngine'] = () => new EachGraph()
