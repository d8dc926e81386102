/**
 * A real node in this process that nobody else can reach, with one model that
 * a test holds by the hand: it answers with the words it was asked.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine, Model } from '../../capabilities/host/engine.ts'
import type { LumosError } from '../../interface/errors.ts'
import type { EventData, EventName } from '../../interface/events.ts'
import type { InferenceChunk, InferenceRequest } from '../../interface/inference.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { TaskInput } from '../../interface/tasks/index.ts'
import { askedText } from '../../interface/tasks/text-generation.ts'
import type { EventBus } from '../../node/events/event-bus.ts'
import { createDrivenNode } from '../../sim/driven-node.ts'

class HeldEngine implements Engine {
  readonly loaded = true
  readonly memoryBytes = 0
  /** Answers begun, and how each ended. */
  readonly outcomes: ('running' | 'done' | 'left')[] = []
  /** Called before each word; a test that never resolves it keeps the answer open. */
  beforeWord: () => Promise<void> = async () => {}
  failure: LumosError | undefined
  /** Given in place of words. */
  script: readonly InferenceChunk[] | undefined
  lastRequest: InferenceRequest | undefined

  async load(): Promise<void> {}
  async close(): Promise<void> {}

  async *infer(request: InferenceRequest, options: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    this.lastRequest = request
    if (this.failure) throw this.failure
    if (this.script) return yield* this.script
    const n = this.outcomes.push('running') - 1
    try {
      let index = 0
      if (request.task === 'tensor') {
        yield { type: 'output', index: index++, output: request.input }
      } else {
        const asked = askedText(request.input as TaskInput<'text-generation'>)
        for (const text of asked.match(/\S+\s*/g) ?? []) {
          await Promise.race([this.beforeWord(), abortOf(options.signal)])
          options.signal?.throwIfAborted()
          yield { type: 'text', index: index++, text }
        }
      }
      this.outcomes[n] = 'done'
      yield { type: 'done', index, finishReason: 'stop', usage: {} }
    } finally {
      if (this.outcomes[n] === 'running') this.outcomes[n] = 'left'
    }
  }
}

/** Settles when the signal aborts; without one, never. */
const abortOf = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise(resolve => {
    if (signal?.aborted) resolve()
    else signal?.addEventListener('abort', () => resolve(), { once: true })
  })

export async function startNode() {
  const home = await mkdtemp(join(tmpdir(), 'lumos-node-'))
  const engine = new HeldEngine()
  const model: Model = { id: 'held', tasks: ['text-generation', 'tensor'], slots: 4, engine }
  const node = await createDrivenNode({
    home,
    settings: { name: 'held', 'models.builtin': false, 'swarm.dht': false },
    models: [model],
    network: { transports: [], listen: [], discovery: [], dial: [] }
  })
  await node.start()

  return {
    node,
    engine,
    home,
    emit<N extends EventName>(name: N, data: EventData<N>) {
      const bus = node.events as EventBus
      bus.emit(name, data)
    },
    async [Symbol.asyncDispose]() {
      await node.stop({ drainMs: 0 })
      await rm(home, { recursive: true })
    }
  }
}
