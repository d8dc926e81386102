/**
 * `node examples/own-engine.ts`: a node with an engine of its own. Peers ask it as they ask any model.
 *
 * In a program of yours, the import is `from 'lumos-node'`. A task that no node knows yet is a file in
 * `interface/tasks/`; `docs/architecture.md` says what else there is to open.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  askedText,
  createLumosNode,
  type Engine,
  type InferenceChunk,
  type TaskInput
} from '../node/index.ts'

class ShoutEngine implements Engine {
  readonly loaded = true
  readonly memoryBytes = 0
  async load(): Promise<void> {}
  async close(): Promise<void> {}

  async *infer({ input }: { readonly input: unknown }): AsyncGenerator<InferenceChunk> {
    yield { type: 'text', index: 0, text: askedText(input as TaskInput<'text-generation'>).toUpperCase() }
    yield { type: 'done', index: 1, finishReason: 'stop', usage: {} }
  }
}

const home = await mkdtemp(join(tmpdir(), 'lumos-own-engine-'))
try {
  await using node = await createLumosNode({
    home,
    settings: { 'swarm.port': 0, 'swarm.mdns': false },
    models: [{ id: 'shout', tasks: ['text-generation'], slots: 1, engine: new ShoutEngine() }]
  })
  await node.start()
  const input = { messages: [{ role: 'user', content: 'hello' }] }
  for await (const chunk of node.infer({ model: 'shout', input })) {
    if (chunk.type === 'text') console.log(chunk.text)
  }
} finally {
  await rm(home, { recursive: true, force: true })
}
