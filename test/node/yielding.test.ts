/** Nodes that yield to the person at their device. */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { type DeviceLoad, DeviceLoadReader, echoModel } from '../../capabilities/index.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { systemClock } from '../../interface/clock.ts'
import type { YieldReason } from '../../interface/status.ts'
import { YieldWatch } from '../../node/serving/index.ts'
import { newYielding, refusesOthers, stepYielding } from '../../node/serving/yielding-core.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { knows, meets, startNode, until } from './mesh-nodes.ts'

const NEVER: readonly YieldReason[] = []

describe('when a node yields', () => {
  const steps = fc.array(
    fc.record({
      cpu: fc.double({ min: 0, max: 1, noNaN: true }),
      memory: fc.double({ min: 0, max: 1, noNaN: true }),
      ms: fc.integer({ min: 1, max: 10_000 })
    }),
    { maxLength: 60 }
  )

  it('is after four seconds of another program at least, and until 30 s without one', () => {
    fc.assert(
      fc.property(steps, readings => {
        const state = newYielding()
        let nowMs = 0
        let yields = false
        /** Since when each reading was above or below what counts. */
        let busyMs: number | undefined
        let calmMs: number | undefined
        for (const { cpu, ms } of readings) {
          nowMs += ms
          busyMs = cpu >= 0.6 ? (busyMs ?? nowMs) : undefined
          calmMs = cpu < 0.3 ? (calmMs ?? nowMs) : undefined
          const now = stepYielding(state, { cpu }, nowMs).includes('cpu')
          if (now && !yields) expect(nowMs - busyMs!).toBeGreaterThanOrEqual(4000)
          if (!now && yields) expect(nowMs - calmMs!).toBeGreaterThanOrEqual(30_000)
          if (!now && busyMs !== undefined) expect(nowMs - busyMs).toBeLessThan(4000)
          yields = now
        }
      })
    )
  })

  it('changes at most once in four seconds, whatever is read', () => {
    fc.assert(
      fc.property(steps, readings => {
        const state = newYielding()
        const last: Partial<Record<YieldReason, number>> = {}
        let before = NEVER
        let nowMs = 0
        for (const { ms, ...load } of readings) {
          nowMs += ms
          const reasons = stepYielding(state, load, nowMs)
          for (const reason of ['cpu', 'memory'] as const) {
            if (reasons.includes(reason) === before.includes(reason)) continue
            expect(nowMs - (last[reason] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(4000)
            last[reason] = nowMs
          }
          before = reasons
        }
      })
    )
  })

  it('is for a low battery at once, and never for what cannot be read', () => {
    const state = newYielding()
    expect(stepYielding(state, { batteryLow: true }, 0)).toEqual(['battery'])
    expect(stepYielding(state, {}, 1)).toEqual([])
    for (let nowMs = 0; nowMs < 60_000; nowMs += 1000) expect(stepYielding(state, {}, nowMs)).toEqual([])
  })

  it('is not judged by the processors while a server beside the node answers its requests', async () => {
    const clock = new ManualClock()
    let isServed = true
    const onChange = vi.fn()
    const watch = new YieldWatch({ clock, read: async () => ({ cpu: 1 }), isServedByOthers: () => isServed })
    watch.onChange = onChange
    await watch.start()
    const look = async () => {
      clock.advance(2000)
      await new Promise(resolve => setImmediate(resolve))
    }
    for (let i = 0; i < 10; i++) await look()
    expect(watch.reasons).toEqual([])
    isServed = false
    for (let i = 0; i < 3; i++) await look()
    expect(onChange.mock.calls).toEqual([[['cpu']]])
    watch.stop()
  })

  it('is not judged by the memory that its own models are loaded into, and is by that of others', async () => {
    const clock = new ManualClock()
    let phases = ['cold', 'cold']
    const read = async () => ({ memory: 0.5 })
    const watch = new YieldWatch({ clock, read, isServedByOthers: () => false, phases: () => phases })
    await watch.start()
    const look = async () => {
      clock.advance(2000)
      await new Promise(resolve => setImmediate(resolve))
    }
    // Members ask in turn for two models that do not fit.
    for (let i = 0; i < 20; i++) {
      phases = i % 2 === 0 ? ['loading', 'draining'] : ['ready', 'cold']
      await look()
      expect(watch.reasons).toEqual([])
    }
    for (let i = 0; i < 4; i++) await look()
    expect(watch.reasons).toEqual([])
    for (let i = 0; i < 3; i++) await look()
    expect(watch.reasons).toEqual(['memory'])
    watch.stop()
  })
})

it('reads what other programs use, without this process, those of low priority, or a mouse', async () => {
  const root = await mkdtemp(join(tmpdir(), 'lumos-load-'))
  try {
    const battery = join(root, 'sys/class/power_supply/BAT0')
    const mouse = join(root, 'sys/class/power_supply/mouse')
    for (const folder of ['proc/pressure', battery.slice(root.length), mouse.slice(root.length)])
      await mkdir(join(root, folder), { recursive: true })
    let ownMs = 0
    const reader = new DeviceLoadReader(root, () => ownMs)
    expect(await reader.read()).toEqual({ batteryLow: undefined })

    const stat = (user: number, nice: number, idle: number) =>
      writeFile(join(root, 'proc/stat'), `cpu  ${user} ${nice} 0 ${idle} 0 0 0 0 0 0\ncpu0 1 1 1 1\n`)
    await stat(0, 0, 0)
    await reader.read()
    // Of a thousand ticks: 500 of others and 100 of this process, 100 of low priority.
    await stat(600, 100, 300)
    ownMs = 1000
    await writeFile(join(root, 'proc/pressure/memory'), 'some avg10=12.50 avg60=1.00 avg300=0.50 total=9\n')
    const said = { type: 'Battery', status: 'Discharging', capacity: '29' }
    for (const [name, words] of Object.entries(said)) await writeFile(join(battery, name), `${words}\n`)
    for (const [name, words] of Object.entries({ ...said, scope: 'Device', capacity: '1' }))
      await writeFile(join(mouse, name), `${words}\n`)
    expect(await reader.read()).toEqual({ cpu: 0.5, memory: 0.125, batteryLow: true })
    await writeFile(join(battery, 'capacity'), '31\n')
    expect(await reader.read()).toMatchObject({ batteryLow: false })
  } finally {
    await rm(root, { recursive: true, force: true })
  }
})

describe('a node that yields', () => {
  it.each([
    [[], false, false],
    [['cpu'] as const, true, true],
    [['cpu'] as const, false, false],
    [['memory'] as const, false, true],
    [['battery', 'cpu'] as const, false, true]
  ])('for %j, where another device can answer: %s, refuses: %s', (reasons, isDoneElsewhere, refuses) => {
    expect(refusesOthers(reasons, () => isDoneElsewhere)).toBe(refuses)
  })

  it('hands its answers over without a lost word, refuses other devices and not its user, and comes back', async () => {
    const WORDS = Array.from({ length: 100 }, (_, i) => `word-${i}`).join(' ')
    const request = { model: 'echo', input: { messages: [{ role: 'user', content: WORDS }] } }
    const models = () => [{ ...echoModel({ clock: systemClock, wordDelayMs: 40 }), resumes: true }]
    const loads: Record<string, DeviceLoad> = { one: {}, other: {} }
    const options = (name: string) => ({
      models: models(),
      settings: { 'serving.yield': 'auto' },
      readLoad: async () => loads[name]!
    })
    await using asker = await startNode('asker')
    await using one = await startNode('one', [asker], options('one'))
    await using other = await startNode('other', [asker], options('other'))
    const nodes = { one, other }
    await Promise.all([one, other].flatMap(node => [meets(asker, node), knows(asker, node)]))
    const yields = (name: 'one' | 'other', batteryLow: boolean) => {
      loads[name] = { batteryLow }
      return until(
        nodes[name],
        'node.yielding_changed',
        () => nodes[name].status().yielding.length > 0 === batteryLow
      )
    }

    const names: string[] = []
    const chunks: InferenceChunk[] = []
    let yielding: Promise<void> | undefined
    for await (const chunk of asker.infer(request, { onRoute: ({ name }) => void names.push(name!) })) {
      chunks.push(chunk)
      yielding ??= chunks.length === 5 ? yields(names.at(-1) as 'one' | 'other', true) : undefined
    }
    await yielding
    const first = names[0] as 'one' | 'other'
    const second = first === 'one' ? 'other' : 'one'
    expect(names).toEqual([first, second])
    const pieces = chunks.flatMap(chunk => (chunk.type === 'text' ? [chunk.text] : []))
    expect(pieces.join('')).toBe(WORDS)
    expect(chunks.at(-1)).toMatchObject({ type: 'done', continued: 'exact' })

    // Its own requests are answered there, and those of others are not.
    const short = { model: 'echo', input: { messages: [{ role: 'user', content: 'one two' }] } }
    expect(nodes[first].status().yielding).toEqual(['battery'])
    const own = await Array.fromAsync(nodes[first].infer(short, { peer: nodes[first].peerId }))
    expect(own.at(-1)!.type).toBe('done')
    await expect(Array.fromAsync(asker.infer(short, { peer: first }))).rejects.toMatchObject({
      code: 'OVERLOADED'
    })
    await vi.waitFor(() => {
      const last = asker.explain({ model: 'echo' }).at(-1)!
      expect(last).toMatchObject({ name: first })
      expect(last.parts).toContainEqual({ reason: 'yields to its user', ms: 30_000 })
    }, 10_000)

    await yields(first, false)
    const again = await Array.fromAsync(asker.infer(short, { peer: first }))
    expect(again.at(-1)!.type).toBe('done')
  }, 60_000)
})

it('a node that is drained ends what it has begun, refuses other devices and not its user, and takes requests again', async () => {
  const models = () => [echoModel({ clock: systemClock, wordDelayMs: 10 })]
  await using asker = await startNode('asker')
  await using one = await startNode('one', [asker], { models: models() })
  await Promise.all([meets(asker, one), knows(asker, one)])
  const request = (words: string) => ({
    model: 'echo',
    input: { messages: [{ role: 'user', content: words }] }
  })
  const changed: boolean[] = []
  one.events.addEventListener('node.drain_changed', ({ detail }) => changed.push(detail.drained))

  let count = 0
  for await (const chunk of asker.infer(request('a b c d e f g h'))) {
    if (count++ === 1) one.drain()
    if (chunk.type === 'done') expect(chunk.continued).toBeUndefined()
  }
  expect(count).toBe(9)
  expect(one.status().drained).toBe(true)
  one.drain()
  await expect(Array.fromAsync(asker.infer(request('a')))).rejects.toMatchObject({ code: 'OVERLOADED' })
  expect((await Array.fromAsync(one.infer(request('a')))).at(-1)!.type).toBe('done')
  one.drain(false)
  expect((await Array.fromAsync(asker.infer(request('a'), { peer: 'one' }))).at(-1)!.type).toBe('done')
  expect(changed).toEqual([true, false])
})
