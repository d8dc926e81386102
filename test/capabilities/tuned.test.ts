/** How many threads a model is computed with: measured with its first request, and known after that. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { measuredThreads, newThreadsSearch } from '../../capabilities/engines/threads-core.ts'
import { TunedEngine } from '../../capabilities/engines/tuned.ts'
import type { Engine } from '../../capabilities/host/engine.ts'
import type { InferenceChunk } from '../../interface/inference.ts'
import { ManualClock } from './manual-clock.ts'
import { textRequest } from './parts.ts'

/** The count that a search ends with, and what it measured. */
function searched(most: number, msOf: (threads: number) => number) {
  const measured: number[] = []
  let search = newThreadsSearch(most)
  while (search.next !== undefined) {
    measured.push(search.next)
    search = measuredThreads(search, msOf(search.next))
  }
  return { threads: search.best!.threads, measured }
}

describe('the search for threads', () => {
  it('ends where twice as many are hardly faster', () => {
    const ms: Record<number, number> = { 1: 80, 2: 42, 4: 24, 8: 23, 16: 1 }
    expect(searched(16, threads => ms[threads]!)).toEqual({ threads: 4, measured: [1, 2, 4, 8] })
    expect(searched(1, () => 5)).toEqual({ threads: 1, measured: [1] })
  })

  it('takes few runs, and never more threads than there are, whatever is measured', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1024 }), fc.array(fc.double({ min: 0 })), (most, times) => {
        const { threads, measured } = searched(most, next => times[Math.log2(next)] ?? 1 / next)
        expect(measured.length).toBeLessThanOrEqual(Math.floor(Math.log2(most)) + 1)
        expect(threads).toBeLessThanOrEqual(most)
        expect(measured).toContain(threads)
      })
    )
  })
})

/** @param msOf what an answer takes with so many threads; Infinity: it fails. */
function model(most: number, msOf: (threads: number) => number, known?: number, bytes = 0) {
  const clock = new ManualClock()
  const open = new Set<number>()
  /** Copies at once. */
  let copies = 0
  const kept: number[] = []
  const answers: number[] = []
  const engineOf = (threads: number): Engine => ({
    loaded: true,
    memoryBytes: 0,
    async load() {
      open.add(threads)
      copies = Math.max(copies, open.size)
    },
    close: async () => void open.delete(threads),
    async *infer(_, options): AsyncGenerator<InferenceChunk> {
      options?.signal?.throwIfAborted()
      if (msOf(threads) === Number.POSITIVE_INFINITY) throw new Error('It failed.')
      clock.advance(msOf(threads))
      answers.push(threads)
      yield { type: 'done', index: 0, finishReason: 'stop', usage: {} }
    }
  })
  const tuning = { known, keep: (threads: number) => void kept.push(threads) }
  const memoryBytes = () => open.size * bytes
  const engine = new TunedEngine({ most, tuning, open: engineOf, clock, memoryBytes })
  const ask = () => Array.fromAsync(engine.infer(textRequest('hello')))
  /** Until the measurement that the first answer began has ended. */
  const settled = async () => {
    for (let i = 0; i < 100; i++) await new Promise(resolve => setImmediate(resolve))
  }
  return { engine, open, kept, answers, ask, settled, copies: () => copies }
}

describe('an engine that is tuned', () => {
  it('answers with all threads at first, then with as many as are faster, and says so', async () => {
    const { engine, open, kept, answers, ask, settled } = model(
      8,
      threads => ({ 1: 9, 2: 5, 4: 5, 8: 30 })[threads]!
    )
    await engine.load()
    await ask()
    expect(answers).toEqual([8])
    await settled()
    expect([kept, [...open]]).toEqual([[2], [2]])
    await ask()
    expect(answers.at(-1)).toBe(2)
    await engine.close()
    expect(open.size).toBe(0)
  })

  it('is opened with what was measured before, and measures nothing', async () => {
    const { engine, open, kept, answers, ask, settled } = model(8, () => 5, 4)
    await engine.load()
    await ask()
    await settled()
    expect([kept, [...open], answers]).toEqual([[], [4], [4]])
    const { engine: smaller, open: places } = model(2, () => 5, 64)
    await smaller.load()
    expect([...places]).toEqual([2])
  })

  it('measures no large model, and not for longer than two seconds', async () => {
    const large = model(8, () => 1001)
    await large.engine.load()
    await large.ask()
    await large.settled()
    expect([large.kept, large.answers]).toEqual([[8], [8]])
    const slow = model(8, threads => (threads === 8 ? 900 : 900 / threads))
    await slow.engine.load()
    await slow.ask()
    await slow.settled()
    expect([slow.kept, [...slow.open]]).toEqual([[8], [8]])
    expect(slow.answers.filter(threads => threads === 1)).toHaveLength(3)
  })

  it('has one copy of a model in memory beside the one that serves, and none of one that takes much', async () => {
    const small = model(8, threads => 80 / threads, undefined, 128 * 2 ** 20)
    await small.engine.load()
    await small.ask()
    await small.settled()
    expect([small.kept, small.copies()]).toEqual([[8], 2])
    const large = model(8, threads => 80 / threads, undefined, 128 * 2 ** 20 + 1)
    await large.engine.load()
    await large.ask()
    await large.settled()
    expect([large.kept, large.copies(), large.answers]).toEqual([[], 1, [8]])
  })

  it('serves on as it was opened where a measurement fails, and closes what it opened', async () => {
    const { engine, open, kept, ask, settled } = model(4, threads =>
      threads === 2 ? Number.POSITIVE_INFINITY : 5
    )
    await engine.load()
    await ask()
    await settled()
    expect([kept, [...open]]).toEqual([[], [4]])
    expect(await ask()).toHaveLength(1)
  })

  it('ends an answer that is under way with the one it began with', async () => {
    const { engine, open, ask, settled } = model(8, threads => threads)
    await engine.load()
    const held = engine.infer(textRequest('slow'))[Symbol.asyncIterator]()
    expect((await held.next()).value).toMatchObject({ type: 'done' })
    await ask()
    await settled()
    expect([...open].sort()).toEqual([1, 8])
    await held.next()
    expect([...open]).toEqual([1])
  })

  it('closes at once in the middle of a measurement', async () => {
    const { engine, open, kept, ask } = model(8, () => 5)
    await engine.load()
    await ask()
    await engine.close()
    expect([open.size, kept]).toEqual([0, []])
  })
})
