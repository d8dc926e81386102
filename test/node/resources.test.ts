/** Memory that is kept free of models, beside models that want it. */

import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Engine } from '../../capabilities/host/engine.ts'
import type { InferenceChunk } from '../../interface/inference.ts'
import { type NewSlot, RESERVATIONS_MAX, RESOURCE_EVENTS } from '../../interface/resources.ts'
import { EventBus } from '../../node/events/event-bus.ts'
import { ResourcesFeature } from '../../node/resources/resources.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { errorOf, registryOf, textRequest } from '../capabilities/parts.ts'

/** Takes 40 bytes. An answer goes on when the test reads on. */
class FortyBytes implements Engine {
  loaded = false
  memoryBytes = 0
  async load(): Promise<void> {
    this.loaded = true
    this.memoryBytes = 40
  }
  async close(): Promise<void> {
    this.loaded = false
    this.memoryBytes = 0
  }
  async *infer(): AsyncGenerator<InferenceChunk> {
    yield { type: 'text', index: 0, text: 'one' }
    yield { type: 'done', index: 1, finishReason: 'stop', usage: {} }
  }
}

function started(names: readonly string[] = ['a', 'b']) {
  const clock = new ManualClock()
  const models = names.map(id => ({
    ...{ id, tasks: ['text-generation' as const], slots: 1, engine: new FortyBytes() }
  }))
  const memory = { budgetBytes: 100, keepAliveMs: Number.POSITIVE_INFINITY, pinned: [], warm: [] }
  const registry = registryOf(models, { clock, memory })
  let drawn = 0
  const random = () => ++drawn / 1000
  const events = new EventBus({ clock, random, declared: RESOURCE_EVENTS })
  const seen: string[] = []
  for (const name of Object.keys(RESOURCE_EVENTS) as (keyof typeof RESOURCE_EVENTS)[])
    events.addEventListener(name, ({ detail }) => {
      assert.equal(RESOURCE_EVENTS[name].safeParse(detail).error, undefined)
      seen.push('slotId' in detail ? `${name} ${detail.slotId}` : name)
    })
  const resource = new ResourcesFeature({
    ...{ clock, random, registry, emit: events.emit.bind(events) },
    hardware: { platform: 'linux', arch: 'x64', cpu: 'x', cores: 1, memoryBytes: 200, accelerators: [] },
    directory: join(tmpdir(), 'resource')
  })
  const allocate = async (memoryBytes: number, more: Partial<NewSlot> = {}, signal?: AbortSignal) => {
    const slot = { name: 'other', type: 'program', memoryBytes, priority: 5, durationS: 60, ...more }
    return (await resource.allocate(slot, { signal })).slotId!
  }
  const phases = () => registry.models().map(({ model, phase }) => `${model} ${phase}`)
  return { clock, registry, resource, allocate, phases, seen }
}

it('a slot takes the memory of idle models, and none is loaded into it until it is released', async () => {
  const { registry, resource, allocate, phases } = started()
  await registry.loadModel('a')
  await registry.loadModel('b')
  const slot = await allocate(70)
  assert.deepEqual(phases(), ['a cold', 'b cold'])
  assert.equal((await errorOf(registry.infer({ ...textRequest('x'), model: 'a' }))).code, 'NO_CAPACITY')
  assert.deepEqual(resource.budget(), {
    ...{ total: 200, reserved: 100 },
    pools: { models: { limit: 100, used: 0 }, slots: { used: 70 } }
  })
  resource.release(slot)
  await registry.loadModel('a')
  assert.deepEqual(phases(), ['a ready', 'b cold'])
})

it('a slot that is forgotten ends with its time, and its model is loaded', async () => {
  const { clock, registry, resource, allocate, seen } = started()
  const slot = await allocate(70)
  clock.advance(59_000)
  resource.update(slot, { durationS: 10 })
  clock.advance(9000)
  await assert.rejects(registry.loadModel('a'), { code: 'NO_CAPACITY' })
  clock.advance(1000)
  await registry.loadModel('a')
  assert.deepEqual(seen, [`resource.allocated ${slot}`, `resource.released ${slot}`])
  assert.throws(() => resource.update(slot, { durationS: 1 }), { code: 'INVALID_INPUT' })
  resource.close()
  assert.equal(clock.timers, 0)
})

it('a model that answers keeps its memory, and the slot is refused', async () => {
  const { registry, resource, allocate, phases, seen } = started()
  const answer = registry.infer({ ...textRequest('x'), model: 'a' })
  await answer.next()
  assert.deepEqual(resource.canAllocate(60, 5), { canAllocate: true })
  expect(resource.canAllocate(61, 5)).toMatchObject({ canAllocate: false, reason: /40 are held/ })
  await assert.rejects(allocate(61), { code: 'NO_CAPACITY' })
  const slot = await allocate(50)
  assert.throws(() => resource.update(slot, { memoryLimit: 61 }), { code: 'NO_CAPACITY' })
  resource.update(slot, { memoryLimit: 60 })
  expect((await resource.status()).pressure).toBe(1)
  assert.deepEqual(seen, ['resource.pressure_warning', `resource.allocated ${slot}`])
  assert.deepEqual(phases(), ['a ready', 'b cold'])
  await answer.return(undefined)
})

it('a slot of higher priority takes the memory of as few lower ones as it needs, the lowest first', async () => {
  const { resource, allocate, seen } = started()
  const [low, lower, same] = [
    await allocate(30, { priority: 2 }),
    await allocate(30, { priority: 1 }),
    await allocate(30, { priority: 7 })
  ]
  // Not enough even so: nothing is given up.
  await assert.rejects(allocate(80, { priority: 7 }), { code: 'NO_CAPACITY' })
  assert.equal(resource.allocations().length, 3)
  const high = await allocate(35, { priority: 7 })
  assert.deepEqual(
    resource.allocations().map(({ slotId }) => slotId),
    [low, same, high]
  )
  assert.deepEqual(seen.slice(-3), [
    `resource.preemption ${lower}`,
    `resource.released ${lower}`,
    `resource.allocated ${high}`
  ])
})

it('warns of pressure once, until it has gone', async () => {
  const { resource, allocate, seen } = started()
  const warnings = () => seen.filter(name => name === 'resource.pressure_warning').length
  const slot = await allocate(90)
  await allocate(5)
  assert.equal(warnings(), 1)
  resource.release(slot)
  await allocate(10)
  await allocate(80)
  assert.equal(warnings(), 2)
})

it('slots are bounded', async () => {
  const { resource, allocate } = started([])
  for (let i = 0; i < RESERVATIONS_MAX; i++) await allocate(1)
  await assert.rejects(allocate(1), { code: 'NO_CAPACITY', message: /64 slots/ })
  assert.equal(resource.budget().pools.slots.used, RESERVATIONS_MAX)
})

it('a slot whose caller leaves while it waits for memory is none', async () => {
  const { clock, registry, resource, allocate, seen } = started(['a'])
  const ask = () => registry.infer({ ...textRequest('x'), model: 'a' })
  await assert.rejects(allocate(1, {}, AbortSignal.abort(new Error('gone'))), { message: 'gone' })
  await registry.loadModel('a')
  for await (const chunk of ask()) if (chunk.type === 'text') clock.advance(1000)
  const answer = ask()
  await answer.next()
  // The answer is over in about a second.
  const leaving = new AbortController()
  const waiting = allocate(70, {}, leaving.signal)
  leaving.abort(new Error('left'))
  await assert.rejects(waiting, { message: 'left' })
  await answer.return(undefined)
  assert.deepEqual([resource.budget().pools.slots.used, seen], [0, []])
  await allocate(100)
})
