/** Models that come into memory and leave it, as requests of the registry see it. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { Engine, Model } from '../../capabilities/host/engine.ts'
import type { ModelChange } from '../../capabilities/models/model-manager.ts'
import type { MemoryPolicy } from '../../capabilities/serving/memory-policy.ts'
import { LumosError } from '../../interface/errors.ts'
import type { InferenceChunk } from '../../interface/inference.ts'
import { prepare } from '../../interface/prepare.ts'
import { ManualClock } from './manual-clock.ts'
import { errorOf, registryOf, textOf, textRequest } from './parts.ts'

const MIB = 2 ** 20
const turn = () => new Promise(resolve => setImmediate(resolve))

/** An engine that loads when the test says so, and answers its name, word by word as the test goes on. */
class Loadable implements Engine {
  loaded = false
  loads = 0
  closes = 0
  memoryBytes = 0
  onLost?: () => void
  onMemory?: () => void
  readonly #takes: number
  readonly #loads: () => Promise<void>

  constructor(takes = MIB, loads: () => Promise<void> = async () => {}) {
    this.#takes = takes
    this.#loads = loads
  }

  async load(): Promise<void> {
    this.loads++
    await this.#loads()
    this.loaded = true
    this.memoryBytes = this.#takes
  }

  async close(): Promise<void> {
    this.closes++
    this.loaded = false
    await turn()
    this.memoryBytes = 0
  }

  async *infer(): AsyncGenerator<InferenceChunk> {
    assert.ok(this.loaded, 'the engine was closed in the middle of an answer')
    yield { type: 'text', index: 0, text: 'one' }
    assert.ok(this.loaded, 'the engine was closed in the middle of an answer')
    yield { type: 'text', index: 1, text: ' two' }
    yield { type: 'done', index: 2, finishReason: 'stop', usage: {} }
  }
}

const modelOf = (id: string, engine: Engine, more: Partial<Model> = {}): Model => ({
  ...{ id, tasks: ['text-generation'], slots: 64, engine },
  ...more
})

const ask = (model: string) => ({ ...textRequest('hello'), model })

function registryWith(models: readonly Model[], memory: Partial<MemoryPolicy> = {}) {
  const clock = new ManualClock()
  const registry = registryOf(models, {
    clock,
    memory: {
      budgetBytes: MIB,
      keepAliveMs: Number.POSITIVE_INFINITY,
      pinned: [],
      warm: [],
      ...memory
    }
  })
  const changes: string[] = []
  registry.onModel = (change: ModelChange) => {
    changes.push(`${change.model} ${change.type === 'unloaded' ? change.reason : change.type}`)
  }
  const states = () => registry.models().map(({ model, phase }) => `${model} ${phase}`)
  return { registry, clock, changes, states }
}

describe('a registry with little memory', () => {
  it('loads a model once for fifty first requests', async () => {
    const loading = Promise.withResolvers<void>()
    const engine = new Loadable(MIB, () => loading.promise)
    const { registry, states } = registryWith([modelOf('a', engine)])
    const answers = Array.from({ length: 50 }, () => textOf(registry.infer(ask('a'))))
    await turn()
    assert.deepEqual(states(), ['a loading'])
    loading.resolve()
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(['one two']))
    assert.equal(engine.loads, 1)
  })

  it('refuses at once while the only room is of a model that answers, whose answer is whole', async () => {
    for (let round = 0; round < 100; round++) {
      const [a, b] = [new Loadable(), new Loadable()]
      const { registry } = registryWith([modelOf('a', a), modelOf('b', b, { fileBytes: 0 })], {
        budgetBytes: 100 * MIB
      })
      const answer = registry.infer(ask('a'))
      await answer.next()
      // What an engine takes that was never loaded is what its process takes.
      a.memoryBytes = 90 * MIB
      a.onMemory!()
      const { code, details } = await errorOf(registry.infer(ask('b')))
      assert.equal(code, 'NO_CAPACITY')
      assert.equal(details.budgetBytes, 100 * MIB)
      assert.deepEqual([(await answer.next()).value.text, a.closes, b.loads], [' two', 0, 0])
      await Array.fromAsync(answer)
      assert.equal(await textOf(registry.infer(ask('b'))), 'one two')
      assert.equal(a.closes, 1)
    }
  })

  it('unloads an idle model for another one, after that has gone, and says so', async () => {
    const [a, b] = [new Loadable(), new Loadable()]
    const { registry, changes, states } = registryWith([modelOf('a', a), modelOf('b', b)])
    await textOf(registry.infer(ask('a')))
    // Expected to take nothing until it was measured.
    await textOf(registry.infer(ask('b')))
    await turn()
    assert.deepEqual(states(), ['a cold', 'b ready'])
    await textOf(registry.infer(ask('a')))
    await turn()
    assert.deepEqual(states(), ['a ready', 'b cold'])
    assert.deepEqual(changes, ['a loaded', 'a evicted', 'b loaded', 'b evicted', 'a loaded'])
  })

  it('unloads a model that was idle for its keep-alive, and loads it again for the next request', async () => {
    const engine = new Loadable()
    const { registry, clock, changes } = registryWith([modelOf('a', engine)], { keepAliveMs: 300_000 })
    await textOf(registry.infer(ask('a')))
    clock.advance(299_999)
    assert.equal(engine.loaded, true)
    clock.advance(1)
    assert.equal(engine.loaded, false)
    assert.equal(await textOf(registry.infer(ask('a'))), 'one two')
    assert.deepEqual(changes, ['a loaded', 'a idle', 'a loaded'])
  })

  it('keeps a model for as long as its last request asks; a peer may ask for less than is set, and not for more', async () => {
    const engine = new Loadable()
    const { registry, clock } = registryWith([modelOf('a', engine)], { keepAliveMs: 300_000 })
    const answered = async (keepAlive: unknown, askedBy?: string) => {
      const request = prepare({ ...ask('a'), params: { keepAlive } })
      await textOf(registry.infer(request, { ...(askedBy && { askedBy }) }))
      await turn()
    }
    await answered('1h')
    clock.advance(3_599_999)
    assert.equal(engine.loaded, true)
    clock.advance(1)
    assert.equal(engine.loaded, false)
    await answered('1h')
    await answered(null)
    clock.advance(300_000)
    assert.equal(engine.loaded, false)
    await answered('-1')
    clock.advance(86_400_000)
    assert.equal(engine.loaded, true)
    for (const forEver of [-1, '24h']) {
      await answered(forEver, 'peer')
      clock.advance(299_999)
      assert.equal(engine.loaded, true)
      clock.advance(1)
      assert.equal(engine.loaded, false)
    }
    await answered('0', 'peer')
    assert.equal(engine.loaded, false)
  })

  it('loads at start what is warm or pinned, and keeps what is pinned', async () => {
    const models = ['a', 'b', 'c'].map(id => modelOf(id, new Loadable()))
    const { registry, states, clock } = registryWith(models, {
      budgetBytes: 2 * MIB,
      keepAliveMs: 1000,
      pinned: ['a'],
      warm: ['b']
    })
    registry.warmUp()
    await turn()
    assert.deepEqual(states(), ['a ready', 'b ready', 'c cold'])
    clock.advance(1000)
    await turn()
    assert.deepEqual(states(), ['a ready', 'b cold', 'c cold'])
    assert.equal((await registry.loadModel('c')).phase, 'ready')
  })

  it('unloads a model that its owner is done with, once its requests have ended', async () => {
    const engine = new Loadable()
    const { registry, changes } = registryWith([modelOf('a', engine)])
    const answer = registry.infer(ask('a'))
    await answer.next()
    assert.equal(registry.unloadModel('a').phase, 'ready')
    assert.equal(engine.closes, 0)
    await Array.fromAsync(answer)
    assert.equal(engine.closes, 1)
    assert.deepEqual(changes, ['a loaded', 'a asked'])
    await assert.rejects(registry.loadModel('aa'), { code: 'MODEL_NOT_FOUND', hint: 'Closest: a.' })
  })
})

describe('a model whose files changed', () => {
  it('loads beside the old one, which answers meanwhile', async () => {
    const loading = Promise.withResolvers<void>()
    const [old, next] = [new Loadable(), new Loadable(MIB, () => loading.promise)]
    const { registry, states } = registryWith([modelOf('a', old)], { budgetBytes: 2 * MIB })
    await textOf(registry.infer(ask('a')))
    registry.update([modelOf('a', next)])
    assert.equal(await textOf(registry.infer(ask('a'))), 'one two')
    assert.deepEqual([old.closes, next.loads], [0, 1])
    const answer = registry.infer(ask('a'))
    await answer.next()
    loading.resolve()
    await turn()
    assert.equal(old.closes, 0)
    await Array.fromAsync(answer)
    assert.equal(old.closes, 1)
    assert.deepEqual(states(), ['a ready'])
    assert.equal(await textOf(registry.infer(ask('a'))), 'one two')
  })

  it('keeps the old one when the new one does not load, and says why', async () => {
    const broken = new Loadable(MIB, async () => {
      throw new LumosError('MODEL_INVALID', 'The graph is empty.')
    })
    const old = new Loadable()
    const { registry, changes } = registryWith([modelOf('a', old)], { budgetBytes: 2 * MIB })
    await textOf(registry.infer(ask('a')))
    registry.update([modelOf('a', broken)])
    await turn()
    assert.deepEqual(changes, ['a loaded', 'a failed'])
    assert.equal(registry.failed()[0]?.reason, 'The graph is empty.')
    assert.equal(await textOf(registry.infer(ask('a'))), 'one two')
    assert.equal(old.closes, 0)

    const mended = new Loadable()
    registry.update([modelOf('a', mended)])
    await turn()
    assert.deepEqual([old.closes, mended.loaded], [1, true])
    assert.deepEqual(registry.failed(), [])
  })

  it('takes the place of the old one at once when that is not loaded', async () => {
    const [old, next] = [new Loadable(), new Loadable()]
    const { registry } = registryWith([modelOf('a', old)])
    registry.update([modelOf('a', next)])
    await textOf(registry.infer(ask('a')))
    assert.deepEqual([old.loads, next.loads], [0, 1])
  })
})

describe('a model whose files still change', () => {
  it('serves on while it is loaded, and is not loaded again', async () => {
    const engine = new Loadable()
    const { registry, states } = registryWith([modelOf('a', engine)])
    registry.update([], ['a'])
    assert.deepEqual(states(), [])

    registry.update([modelOf('a', engine)])
    await textOf(registry.infer(ask('a')))
    registry.update([], ['a'])
    assert.equal(await textOf(registry.infer(ask('a'))), 'one two')
    registry.unloadModel('a')
    await turn()
    assert.deepEqual(states(), [])
    assert.equal((await errorOf(registry.infer(ask('a')))).code, 'MODEL_NOT_FOUND')
  })

  it('is replaced by what they have become, or leaves when they are no model any more', async () => {
    const [old, next] = [new Loadable(), new Loadable()]
    const { registry } = registryWith([modelOf('a', old)], { budgetBytes: 2 * MIB })
    await textOf(registry.infer(ask('a')))
    registry.update([], ['a'])
    registry.update([modelOf('a', next)])
    await turn()
    assert.deepEqual([old.closes, next.loaded], [1, true])
    registry.update([], ['a'])
    registry.update([])
    await turn()
    assert.equal(next.closes, 1)
  })
})

describe('a demonstration', () => {
  it('is what this node can do, and nothing that it offers', () => {
    const { registry } = registryWith([modelOf('a', new Loadable(), { demonstration: true })])
    assert.deepEqual(registry.capabilities({ offered: true }), [])
    assert.equal(registry.capabilities().length, 1)
  })
})
