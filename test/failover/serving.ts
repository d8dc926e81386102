/** A process that is a node with one real model, whose answers come piece by piece in a pace at which one can be cut. */

import { kindOf } from '../../capabilities/engines/index.ts'
import type { Engine, Model } from '../../capabilities/host/engine.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { systemClock } from '../../interface/clock.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { createLumosNode } from '../../node/index.ts'
import { installedEngines } from '../capabilities/installed-llama.ts'
import { memoryLog } from '../capabilities/parts.ts'

/** What it is given, as JSON: its only argument. */
export interface ServingOptions {
  readonly home: string
  readonly name: string
  readonly model: { readonly kind: string; readonly folder: string }
  /** As the mesh calls it. */
  readonly id: string
  readonly peers: readonly string[]
  /** Of an invitation; absent for a home that is a member already. */
  readonly code?: string | undefined
  readonly chunkMs: number
}

class Paced implements Engine {
  readonly checksAnswers = true
  readonly #engine: Engine
  readonly #chunkMs: number

  constructor(engine: Engine, chunkMs: number) {
    this.#engine = engine
    this.#chunkMs = chunkMs
  }

  get loaded(): boolean {
    return this.#engine.loaded
  }

  get memoryBytes(): number {
    return this.#engine.memoryBytes
  }

  load(): Promise<void> {
    return this.#engine.load()
  }

  close(): Promise<void> {
    return this.#engine.close()
  }

  async *infer(request: PreparedRequest, options: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    for await (const chunk of this.#engine.infer(request, options)) {
      yield chunk
      await new Promise<void>(resolve => systemClock.setTimer(resolve, this.#chunkMs))
      options.signal?.throwIfAborted()
    }
  }
}

const { home, name, model, id, peers, code, chunkMs }: ServingOptions = JSON.parse(process.argv[2]!)
const [found] = await readModels(model.folder, installedEngines)
const served: Model = kindOf(model.kind).serve(found!, {
  ...{ clock: systemClock, log: memoryLog(), env: {}, cores: 2 }
})
const node = await createLumosNode({
  home,
  settings: {
    ...{ name, 'models.builtin': false, 'swarm.host': '127.0.0.1', 'swarm.port': 0, 'swarm.mdns': false },
    'swarm.peers': peers,
    'serving.yield': 'never'
  },
  models: [{ ...served, id, engine: new Paced(served.engine, chunkMs) }]
})
await node.start()
if (code !== undefined) await node.mesh.join(code)
await node.loadModel(id)
console.log(node.peerId)
