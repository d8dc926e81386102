import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stepBatch } from '../../../node/batch/batch-core.ts'
import { type BatchEffect, type BatchEvent, newBatch } from '../../../node/batch/batch-state.ts'
import { DEPTH_MAX } from '../../../node/batch/pace.ts'
import { WINDOW_BYTES, WINDOW_ITEMS } from '../../../node/batch/window.ts'
import { runBatch } from './batch-world.ts'

const UNEQUAL = [
  { peer: 'slow', ms: 100 },
  { peer: 'middle', ms: 100 / 3 },
  { peer: 'fast', ms: 10 }
]
const indices = (written: readonly { index: number }[]) => written.map(({ index }) => index)
const range = (count: number) => Array.from({ length: count }, (_, i) => i)

describe('a batch over unequal devices', () => {
  it('takes 10,000 items at 90 % of the sum of the speeds of 1x, 3x and 10x at least, in order', () => {
    const { written, endMs } = runBatch({ items: 10_000, devices: UNEQUAL })
    expect(indices(written)).toEqual(range(10_000))
    expect(written.every(({ index, result }) => 'output' in result && result.output === index)).toBe(true)
    const sumPerMs = 1 / 100 + 3 / 100 + 10 / 100
    expect(10_000 / endMs / sumPerMs).toBeGreaterThan(0.9)
  })

  it('writes each of 10,000 items once and in order while the fastest leaves and another joins midway', () => {
    const devices = [
      { peer: 'slow', ms: 100 },
      { peer: 'fast', ms: 10, untilMs: 20_000 },
      { peer: 'late', ms: 20, fromMs: 15_000 }
    ]
    const { written, end, endMs } = runBatch({ items: 10_000, devices })
    expect(end).toBe('end')
    expect(indices(written)).toEqual(range(10_000))
    expect(written.every(({ result }) => 'output' in result)).toBe(true)
    // 110 a second until 15 s, 160 until 20 s, then 60.
    expect(endMs).toBeLessThan((20_000 + ((10_000 - 1650 - 800) / 60) * 1000) / 0.9)
  })

  it('ends together: the last item of a slow device is taken over by an idle one', () => {
    const devices = [
      { peer: 'slow', ms: 30_000 },
      { peer: 'fast', ms: 10 }
    ]
    const { endMs, asked } = runBatch({ items: 500, devices })
    expect(endMs).toBeLessThan(7000)
    expect([...asked.values()].filter(times => times > 1).length).toBeLessThanOrEqual(DEPTH_MAX)
  })

  it('goes on beside a device that never answers, and gives it hardly anything', () => {
    const devices = [
      { peer: 'dead', ms: 10, does: 'nothing' as const },
      { peer: 'well', ms: 10 }
    ]
    const { written, asked, endMs } = runBatch({ items: 2000, devices })
    expect(indices(written)).toEqual(range(2000))
    expect([...asked.values()].filter(times => times > 1).length).toBeLessThan(20)
    expect(endMs).toBeLessThan(40_000)
  })

  it('gives an item that fails on two devices its own error, and goes on', () => {
    const poison = new Set([0, 17, 99])
    const { written } = runBatch({ items: 100, devices: UNEQUAL, poison })
    const failed = written.filter(({ result }) => 'failure' in result)
    expect(new Set(indices(failed))).toEqual(poison)
    expect(failed.map(({ result }) => 'failure' in result && result.failure.code)).toEqual(
      Array(3).fill('ENGINE_FAILED')
    )
  })

  it('has a device that fails with everything cost no item its answer', () => {
    const devices = [{ peer: 'broken', ms: 1, does: 'fail' as const }, ...UNEQUAL]
    const { written } = runBatch({ items: 1000, devices })
    expect(written.every(({ result }) => 'output' in result)).toBe(true)
  })

  it('retries within its budget where every item fails', () => {
    const { written, asked, end } = runBatch({ items: 1000, devices: UNEQUAL, poison: new Set(range(1000)) })
    expect(end).toBe('end')
    expect(written.length).toBe(1000)
    expect([...asked.values()].reduce((sum, times) => sum + times, 0)).toBeLessThan(1100)
  })

  it('reads no more than its window while writing is slow', () => {
    const megabyte = 1024 * 1024
    const { written, bytesMost } = runBatch({
      ...{ items: 300, devices: [{ peer: 'fast', ms: 1 }, ...UNEQUAL] },
      ...{ bytes: () => 8 * megabyte, writeMs: 200 }
    })
    expect(written.length).toBe(300)
    expect(bytesMost).toBeLessThanOrEqual(WINDOW_BYTES + 8 * megabyte + 1000)
  })

  it('is given up where no device is left, with what is written kept', () => {
    const { written, end } = runBatch({ items: 1000, devices: [{ peer: 'only', ms: 10, untilMs: 2000 }] })
    expect(end).toBe('strand')
    expect(indices(written)).toEqual(range(written.length))
    expect(written.length).toBeGreaterThan(150)
  })
})

describe('samples of a batch', () => {
  it('find a device that lies, which a third decides, and give it nothing more', () => {
    const devices = [
      { peer: 'liar', ms: 10, does: 'lie' as const },
      { peer: 'one', ms: 10 },
      { peer: 'two', ms: 10 }
    ]
    const { written, distrusted, state } = runBatch({ items: 1000, devices, samples: 20 })
    expect(new Set(distrusted)).toEqual(new Set(['liar']))
    expect(state.samples.agreed + state.samples.decided).toBe(20)
    const last = written.slice(-500)
    expect(last.every(({ result }) => 'output' in result && typeof result.output === 'number')).toBe(true)
  })

  it('blame nobody where there is no third device', () => {
    const devices = [
      { peer: 'liar', ms: 10, does: 'lie' as const },
      { peer: 'one', ms: 10 }
    ]
    const { distrusted, state } = runBatch({ items: 100, devices, samples: 10 })
    expect(distrusted).toEqual([])
    expect(state.samples).toEqual({ agreed: 0, decided: 0, open: 10 })
  })

  it('are as many as were asked for, wherever they fall', () => {
    const { state, asked } = runBatch({ items: 400, devices: UNEQUAL, samples: 400 })
    expect(state.samples).toEqual({ agreed: 400, decided: 0, open: 0 })
    expect([...asked.values()].every(times => times >= 2)).toBe(true)
  })
})

describe('whatever devices do', () => {
  const happening = fc.oneof(
    fc.record({ type: fc.constant('offers' as const), peers: fc.subarray(['a', 'b', 'c', 'd']) }),
    fc.record({ type: fc.constant('answer' as const), nth: fc.nat(), output: fc.nat(2), bytes: fc.nat(1e7) }),
    fc.record({
      ...{ type: fc.constant('fail' as const), nth: fc.nat() },
      blame: fc.constantFrom('item' as const, 'busy' as const, 'lost' as const)
    })
  )
  const options = { total: fc.integer({ min: 1, max: 40 }), samples: fc.nat(40) }

  it('results are written in order and once, no device answers an item twice, and memory is bounded', () => {
    fc.assert(
      fc.property(
        fc.record(options),
        fc.array(fc.tuple(happening, fc.nat(20_000)), { minLength: 50, maxLength: 300 }),
        ({ total, samples }, happenings) => {
          const state = newBatch({ total, samples, agrees: (one, other) => one === other })
          const underWay = new Map<number, { index: number; peer: string }>()
          const answeredBy = new Set<string>()
          let nextIndex = 0
          let nowMs = 0
          const step = (event: BatchEvent): void => {
            const { effects } = stepBatch(state, event, nowMs, () => 0.5)
            for (const effect of effects) carryOut(effect)
          }
          const carryOut = (effect: BatchEffect): void => {
            if (effect.type === 'ask') {
              underWay.set(effect.attempt, effect)
              const { running, depth } = state.devices.get(effect.peer)!
              expect(running).toBeLessThanOrEqual(depth)
            }
            if (effect.type === 'abort') underWay.delete(effect.attempt)
            else if (effect.type === 'read') waiting.push({ type: 'read', bytes: 1e6 })
            else if (effect.type === 'write') {
              expect(effect.index).toBe(nextIndex++)
              waiting.push({ type: 'written', bytes: effect.bytes })
            } else if (effect.type === 'end') expect(nextIndex).toBe(total)
          }
          const waiting: BatchEvent[] = []
          for (const [what, passesMs] of happenings) {
            nowMs += passesMs
            for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) step(event)
            if (what.type === 'offers') step(what)
            const [attempt, of] =
              [...underWay][underWay.size === 0 ? 0 : 'nth' in what ? what.nth % underWay.size : 0] ?? []
            if (attempt === undefined || of === undefined || what.type === 'offers') continue
            underWay.delete(attempt)
            if (what.type === 'answer') {
              const key = `${of.peer} ${of.index}`
              expect(answeredBy.has(key) && state.devices.get(of.peer)!.differed === 0).toBe(false)
              answeredBy.add(key)
              step({ type: 'answered', attempt, output: what.output, bytes: what.bytes })
            } else step({ type: 'failed', attempt, blame: what.blame, failure: { code: 'X', message: '' } })
            expect(state.items.size).toBeLessThanOrEqual(WINDOW_ITEMS)
            const sumOf = (sizes: number[]) => sizes.reduce((sum, size) => sum + size, 0)
            const held = sumOf(
              [...state.items.values()].map(({ result, resultBytes, bytes, answers }) =>
                result ? resultBytes : bytes + sumOf(answers.map(one => one.bytes))
              )
            )
            const unwritten = sumOf(waiting.map(one => (one.type === 'written' ? one.bytes : 0)))
            expect(state.bytes).toBe(held + unwritten)
          }
        }
      ),
      { numRuns: 60 }
    )
  })
})
