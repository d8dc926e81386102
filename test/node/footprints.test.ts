/** What models take in memory: known after a restart, and a reason to ask another device. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { EchoEngine } from '../../capabilities/engines/echo.ts'
import type { Engine, Model } from '../../capabilities/host/engine.ts'
import { systemClock } from '../../interface/clock.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import { openDataDir } from '../../storage/home/data-dir.ts'
import { MeasurementStore } from '../../storage/models/measurement-store.ts'
import { registryOf, textRequest } from '../capabilities/parts.ts'
import { temporaryHome } from '../storage/home.ts'
import { knows, meets, startNode } from './mesh-nodes.ts'

const MIB = 2 ** 20

/** Takes memory once it is loaded, and answers. */
class Taking implements Engine {
  loaded = false
  memoryBytes = 0
  readonly #takes: number
  readonly #echo = new EchoEngine({ clock: systemClock, wordDelayMs: 0 })

  constructor(takes: number) {
    this.#takes = takes
  }

  async load(): Promise<void> {
    this.loaded = true
    this.memoryBytes = this.#takes
  }

  async close(): Promise<void> {
    this.loaded = false
  }

  infer(request: PreparedRequest): AsyncIterable<InferenceChunk> {
    return this.#echo.infer(request)
  }
}

const modelOf = (takes: number, fileBytes = 10 * MIB): Model => ({
  ...{ id: 'm', tasks: ['text-generation'], slots: 1, fileBytes, format: 'gguf' },
  engine: new Taking(takes)
})

describe('what a model takes', () => {
  it('is known after a restart, until its files are others', async () => {
    const home = temporaryHome()
    const needs = async (model: Model, load: boolean): Promise<number> => {
      await using opened = await openDataDir(home)
      const registry = registryOf([model], { measurements: new MeasurementStore(opened.cache) })
      if (load) await registry.loadModel('m')
      const { needBytes } = registry.modelCalled('m')
      await registry.stop()
      return needBytes
    }
    const expected = await needs(modelOf(300 * MIB), false)
    assert.equal(await needs(modelOf(300 * MIB), true), 300 * MIB)
    assert.equal(await needs(modelOf(1), false), 300 * MIB)
    // A model of that name with other files is expected to take what its files say.
    assert.equal((await needs(modelOf(1, 10 * MIB + 1), false)) > expected, true)
    assert.equal((await needs(modelOf(1, 10 * MIB + 1), false)) < 300 * MIB, true)
  })

  it('is kept for the models of a node, and not for all that ever were', async () => {
    await using opened = await openDataDir(temporaryHome())
    const store = new MeasurementStore(opened.cache)
    for (let n = 0; n < 2060; n++) store.keep(`m${n}`, 'bytes', '1', n)
    store.keep('m2059', 'bytes', '1', 7)
    const kept = ['m0', 'm2059', 'm2058'].map(model => store.of(model, 'bytes', '1'))
    assert.deepEqual(kept, [undefined, 7, 2058])
    assert.equal(store.of('m2059', 'bytes', '2'), undefined)
  })
})

it('a request for which its own device has no memory is answered by another one, and not by a device that says so', async () => {
  const settings = { 'models.memoryMax': '200MB' }
  const big = 900 * MIB
  const { input } = textRequest('hello')
  const request = { task: 'text-generation', model: 'm', input } as const
  await using den = await startNode('den', [], { models: [modelOf(big, big)], settings })
  await assert.rejects(Array.fromAsync(den.infer(request)), { code: 'NO_CAPACITY' })

  await using attic = await startNode('attic', [den], { models: [modelOf(MIB)], settings })
  await using shed = await startNode('shed', [attic, den], { settings })
  const pairs = [
    [den, attic],
    [attic, den],
    [shed, den],
    [shed, attic]
  ] as const
  await Promise.all(pairs.flatMap(([node, other]) => [meets(node, other), knows(node, other)]))
  // Whether or not the one without room is asked first.
  for (const asking of [den, shed, shed, shed]) {
    let text = ''
    for await (const chunk of asking.infer(request)) if (chunk.type === 'text') text += chunk.text
    assert.equal(text, 'hello')
  }
})
