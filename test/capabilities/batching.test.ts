/** Items of several requests in one run of a model. */

import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, it } from 'vitest'
import {
  addItems,
  dropRequest,
  newBatches,
  nextBatch,
  type Waiting
} from '../../capabilities/engines/batching/batch-core.ts'
import { Batcher } from '../../capabilities/engines/batching/batcher.ts'
import { addRun, newRunCost, unitsThatPay } from '../../capabilities/engines/batching/run-cost-core.ts'
import { graphBatcher } from '../../capabilities/engines/onnx/graph-batches.ts'
import { Gate } from '../../capabilities/engines/pictures/gate.ts'
import { textBatcher } from '../../capabilities/engines/transformers/batches.ts'
import { systemClock } from '../../interface/clock.ts'
import { ManualClock } from './manual-clock.ts'

const LIMITS = fc.record({ items: fc.integer({ min: 1, max: 9 }), padded: fc.integer({ min: 0, max: 90 }) })
const STEPS = fc.array(
  fc.oneof(
    fc.record({ lengths: fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 }) }),
    fc.record({ drop: fc.nat(8) }),
    fc.constant('run' as const)
  ),
  { maxLength: 40 }
)

describe('the next batch', () => {
  it('holds the item whose turn it is, keeps the limits, and runs each item once unless its request left', () => {
    fc.assert(
      fc.property(LIMITS, STEPS, (limits, steps) => {
        const state = newBatches()
        const waiting = new Map<number, Waiting>()
        let lastId = 0
        let requests = 0
        const run = (): number => {
          const before = [...state.waiting]
          const batch = nextBatch(state, limits)
          const first = before.toSorted((a, b) => a.turn - b.turn || a.id - b.id)[0]
          assert.equal(batch.includes(first!), first !== undefined)
          assert.ok(batch.length <= limits.items)
          const longest = batch.at(-1)?.length ?? 0
          const sum = batch.reduce((all, { length }) => all + length, 0)
          for (const { length } of batch) assert.ok(length <= longest)
          assert.ok(batch.length <= 1 || batch.length * longest <= limits.padded)
          assert.ok(batch.length * longest <= 2 * sum)
          for (const { id } of batch) assert.ok(waiting.delete(id))
          return batch.length
        }
        for (const step of steps) {
          if (step === 'run') run()
          else if ('drop' in step) {
            dropRequest(state, step.drop)
            for (const [id, { request }] of waiting) if (request === step.drop) waiting.delete(id)
          } else {
            addItems(state, { request: ++requests, firstId: lastId + 1, lengths: step.lengths }, limits)
            lastId += step.lengths.length
            for (const item of state.waiting) waiting.set(item.id, item)
          }
        }
        while (run() > 0);
        assert.equal(waiting.size, 0)
      })
    )
  })

  it('is that of a short request before a long one ends, and a stream of short ones does not hold up a long one', () => {
    const state = newBatches()
    const limits = { items: 4, padded: 1000 }
    addItems(state, { request: 1, firstId: 1, lengths: Array<number>(40).fill(10) }, limits)
    nextBatch(state, limits)
    addItems(state, { request: 2, firstId: 41, lengths: [100] }, limits)
    const short = [nextBatch(state, limits), nextBatch(state, limits)]
    assert.ok(short.flat().some(({ request }) => request === 2))

    let batches = 0
    for (let id = 42; state.waiting.some(({ request }) => request === 1); batches++) {
      addItems(state, { request: id, firstId: id++, lengths: [100] }, limits)
      nextBatch(state, limits)
    }
    assert.ok(batches <= 20, `${batches} batches`)
  })
})

describe('how large a batch pays', () => {
  /** Runs as large as allowed, for a model that takes `perRun` and `perUnit`. */
  const learned = (perRun: number, perUnit: number, runs = 60, noise: () => number = () => 1): number => {
    const cost = newRunCost()
    for (let n = 0; n < runs; n++) {
      // Some requests find the model idle.
      const units = n % 3 === 0 ? 1 : Math.max(1, Math.min(32, Math.floor(unitsThatPay(cost))))
      addRun(cost, { units, items: units, ms: (perRun + perUnit * units) * noise() })
    }
    return Math.min(32, unitsThatPay(cost))
  }

  it('is many where a run costs much and an item little, and two where it is the other way', () => {
    assert.equal(learned(2, 0.05), 32)
    assert.equal(learned(0, 5), 2)
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.8, max: 1.5, noNaN: true }), { minLength: 60, maxLength: 60 }),
        all => {
          let at = 0
          assert.ok(learned(2, 0.05, 60, () => all[at++ % 60]!) >= 16)
        }
      )
    )
  })

  it('begins with one, at most doubles, and takes no longer than half a second', () => {
    const cost = newRunCost()
    assert.equal(unitsThatPay(cost), 0)
    addRun(cost, { units: 1, items: 1, ms: 10 })
    assert.equal(unitsThatPay(cost), 2)
    assert.ok(learned(0.1, 60) < 9)
    assert.ok(learned(3000, 0, 4) < 1)
  })

  it('is a number after runs of nothing', () => {
    const cost = newRunCost()
    addRun(cost, { units: 0, items: 1, ms: 10 })
    assert.equal(unitsThatPay(cost), 0)
  })
})

/** A model that is slow enough for others to come: each run ends when it is told to. */
function model(fails: (batch: readonly string[]) => boolean = () => false) {
  const runs: string[][] = []
  let next: PromiseWithResolvers<void> | undefined
  const batcher = new Batcher<string, string>({
    clock: new ManualClock(),
    limits: { items: 8, padded: 80 },
    lengthOf: ({ length }) => length,
    async run(batch) {
      runs.push([...batch])
      await next?.promise
      if (fails(batch)) throw new Error(`no ${batch}`)
      return batch.map(value => value.toUpperCase())
    }
  })
  return {
    batcher,
    runs,
    hold() {
      next = Promise.withResolvers()
      return () => {
        next!.resolve()
        next = undefined
      }
    }
  }
}

describe('a batcher', () => {
  const ask = ({ batcher }: ReturnType<typeof model>, values: string[], signal?: AbortSignal) =>
    batcher.all(values, { signal })

  it('runs a lone request at once, and what comes meanwhile together, the shortest first', async () => {
    const one = model()
    const release = one.hold()
    const first = ask(one, ['aa'])
    await setImmediate()
    assert.deepEqual(one.runs, [['aa']])
    const others = [ask(one, ['ccc', 'b']), ask(one, ['dd'])]
    release()
    assert.deepEqual(await first, ['AA'])
    assert.deepEqual(await Promise.all(others), [['CCC', 'B'], ['DD']])
    assert.deepEqual(one.runs.flat().toSorted(), ['aa', 'b', 'ccc', 'dd'])
    assert.ok(one.runs.length < 4, `${one.runs.length} runs`)
  })

  it('runs nothing of a request that left, and ends it at once', async () => {
    const one = model()
    const release = one.hold()
    const first = ask(one, ['aa'])
    await setImmediate()
    const leaves = new AbortController()
    const left = ask(one, ['bb', 'cc'], leaves.signal)
    const gone = assert.rejects(left, /left/)
    leaves.abort(new Error('left'))
    await gone
    release()
    await first
    assert.deepEqual(await ask(one, ['dd']), ['DD'])
    assert.deepEqual(one.runs, [['aa'], ['dd']])
  })

  it('fails only the request that the model fails with alone', async () => {
    const one = model(batch => batch.includes('poison'))
    for (let n = 0; n < 4; n++) await ask(one, ['warm', 'up', 'all'])
    const release = one.hold()
    const first = ask(one, ['a'])
    await setImmediate()
    const poisoned = assert.rejects(ask(one, ['poison']), /no poison$/)
    const others = [ask(one, ['good']), ask(one, ['fine'])]
    release()
    await Promise.all([first, poisoned])
    assert.deepEqual(await Promise.all(others), [['GOOD'], ['FINE']])
    assert.ok(one.runs.some(batch => batch.length > 1 && batch.includes('poison')))
  })

  it('finds out that a graph takes one at a time', async () => {
    const one = model(batch => batch.length > 1)
    for (let n = 0; n < 4; n++) assert.deepEqual(await ask(one, ['a', 'b', 'c']), ['A', 'B', 'C'])
    assert.ok(one.runs.slice(-3).every(batch => batch.length === 1))
    assert.equal(one.runs.filter(batch => batch.length > 1).length, 1)
  })

  it('runs several together again after failures that have passed', async () => {
    let failures = 3
    const one = model(batch => batch.length > 1 && failures-- > 0)
    for (let n = 0; n < 100; n++) assert.deepEqual(await ask(one, ['a', 'b', 'c']), ['A', 'B', 'C'])
    assert.ok(failures < 0)
    assert.ok(one.runs.at(-1)!.length > 1)
    assert.ok(one.runs.every(({ length }) => length <= 8))
  })

  it('finds out that a graph takes one at a time where a request leaves meanwhile', async () => {
    const leaves = new AbortController()
    const one = model(batch => {
      if (batch.length > 1) leaves.abort(new Error('left'))
      return batch.length > 1
    })
    await ask(one, ['a'])
    const stays = ask(one, ['b'])
    const left = assert.rejects(ask(one, ['c'], leaves.signal), /left/)
    await Promise.all([stays, left])
    await ask(one, ['d', 'e'])
    assert.equal(one.runs.filter(batch => batch.length > 1).length, 1)
  })

  it('refuses a graph that answers for fewer than it was given', async () => {
    const batcher = new Batcher<number, number>({
      clock: systemClock,
      limits: { items: 8, padded: 8 },
      run: async batch => batch.slice(1)
    })
    await assert.rejects(batcher.all([1], {}), { code: 'ENGINE_FAILED' })
  })
})

describe('a batch of an engine', () => {
  it('has no more pictures or texts than the owner has set', { retry: 2 }, async () => {
    // However many it is given, a run takes as long: more of them would pay.
    const runs: number[] = []
    const run = (items: number): void => {
      runs.push(items)
      const endMs = systemClock.monotonicMs() + 2
      while (systemClock.monotonicMs() < endMs);
    }
    const graph = {
      inputMetadata: [{ isTensor: true, shape: ['batch_size', 1] }],
      run: async ({ x }: { x: Tensor }) => {
        run(x.dims[0]!)
        return { x }
      }
    } as unknown as InferenceSession
    const largest = async (asked: (most?: number) => Promise<unknown>, most?: number) => {
      await asked(most)
      return Math.max(...runs.splice(0))
    }
    const rows = Array.from({ length: 40 }, (_, n) => ({ x: new Tensor('float32', [n], [1, 1]) }))
    const pictures = (most?: number) => graphBatcher(graph, 1, most).all(rows, {})
    const texts = (most?: number) =>
      textBatcher({ batch: most }, async batch => {
        run(batch.length)
        return batch
      }).all(
        rows.map(() => ({ ids: [1], types: [0] })),
        {}
      )
    for (const asked of [pictures, texts]) {
      assert.equal(await largest(asked, 3), 3)
      assert.ok((await largest(asked)) > 3)
    }
  })
})

describe('a gate', () => {
  it('lets its count through, and those who wait in their order, without those who left', async () => {
    const gate = new Gate(1)
    const through: number[] = []
    const held = Promise.withResolvers<void>()
    const first = gate.through(() => held.promise)
    const leaves = new AbortController()
    const left = gate.through(async () => void through.push(1), { signal: leaves.signal })
    const others = [2, 3].map(n => gate.through(async () => void through.push(n)))
    leaves.abort(new Error('left'))
    await assert.rejects(left, /left/)
    assert.deepEqual(through, [])
    held.resolve()
    await Promise.all([first, ...others])
    assert.deepEqual(through, [2, 3])
  })
})
