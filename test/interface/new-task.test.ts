/** A task of its own file, its line in the list and an engine passes through everything, and no other file changes. */

import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, it, vi } from 'vitest'
import type * as z from 'zod'
import type { Engine, Model } from '../../capabilities/host/engine.ts'
import { Registry } from '../../capabilities/serving/registry.ts'
import { systemClock } from '../../interface/clock.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { NewInferenceRequest } from '../../interface/node.ts'
import { prepare } from '../../interface/prepare.ts'
import type { TaskName } from '../../interface/tasks/index.ts'
import { Router } from '../../node/routing/router.ts'
import { INFERENCE_PROTOCOL, InferenceClient, InferenceHandler } from '../../protocols/inference/index.ts'
import type { textRanking } from '../fixtures/tasks/text-ranking.ts'
import { connectPeers, type Peers } from '../protocols/peers.ts'

vi.mock(import('../../interface/tasks/list.ts'), async importOriginal => {
  const { TASK_LIST } = await importOriginal()
  const { textRanking } = await import('../fixtures/tasks/text-ranking.ts')
  return { TASK_LIST: [...TASK_LIST, textRanking] as unknown as typeof TASK_LIST }
})

const TASK = 'text-ranking' as TaskName

/** Its engine: a document's score is how often it holds the query. */
const engine: Engine = {
  loaded: true,
  memoryBytes: 0,
  load: async () => {},
  close: async () => {},
  async *infer(request: PreparedRequest): AsyncGenerator<InferenceChunk> {
    const { query, documents } = request.input as z.output<typeof textRanking.input>
    const { topN } = request.params as z.output<typeof textRanking.params>
    const ranking = documents
      .map((document, index) => ({ index, score: document.split(query).length - 1 }))
      .sort((a, b) => b.score - a.score)
      .slice(0, topN)
    yield { type: 'output', index: 0, output: { ranking } }
    yield { type: 'done', index: 1, finishReason: 'stop', usage: {} }
  }
}

describe('a new task', () => {
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const model: Model = { id: 'ranker', tasks: [TASK], slots: 1, engine }
  const registry = new Registry({ clock: systemClock, random: () => 0.5, log, models: [model] })
  const handler = new InferenceHandler({ service: registry, clock: systemClock, log })
  let peers: Peers
  let client: InferenceClient
  let router: Router

  beforeAll(async () => {
    peers = await connectPeers()
    await peers.listener.handle(INFERENCE_PROTOCOL, handler.onStream)
    client = new InferenceClient({
      clock: systemClock,
      openStream: options => peers.connection.newStream(INFERENCE_PROTOCOL, options)
    })
    const [capability] = registry.capabilities()
    const candidate = { peerId: 'them', name: 'them', local: false, connected: true, rttMs: 1 }
    const offers = ({ task }: { task?: string }) =>
      task === undefined || task === TASK ? [{ ...candidate, capability: capability! }] : []
    const providers = { offers, isConnected: () => true, named: () => 'them', client: () => client }
    router = new Router({
      clock: systemClock,
      log,
      newId: () => 'id',
      providers,
      emit() {},
      random: () => 0,
      policy: 'balanced'
    })
  })
  afterAll(async () => {
    await client.close()
    handler.close()
    await registry.stop()
    await peers[Symbol.asyncDispose]()
  })

  const input = { query: 'a', documents: ['b', 'aa', 'a', 'aaa'] }
  const ask = (wanted: NewInferenceRequest) => Array.fromAsync(router.infer(router.prepare(wanted)))

  it('passes through router, wire and registry, its parameters filled in and its answer checked', async () => {
    const ranking = [
      { index: 3, score: 3 },
      { index: 1, score: 2 }
    ]
    const expected = [
      { type: 'output', index: 0, output: { ranking } },
      { type: 'done', index: 1, finishReason: 'stop', usage: {} }
    ]
    assert.deepEqual(await ask({ task: TASK, input, params: { topN: 2 } }), expected)
    const [output] = await ask({ model: 'ranker', input })
    assert.equal((output as { output: { ranking: unknown[] } }).output.ranking.length, 3)
  })

  it('is refused with the field that is wrong, here and by its peer', async () => {
    await assert.rejects(async () => await ask({ task: TASK, input: { query: 1 } }), {
      code: 'INVALID_INPUT',
      details: { field: 'input.query' }
    })
    const request = prepare({ id: 'r', task: TASK, input, params: {}, budgetMs: 5000 })
    await assert.rejects(Array.fromAsync(client.infer({ ...request, input: { ...input, more: 1 } })), {
      code: 'INVALID_INPUT',
      details: { field: 'input' }
    })
  })
})
