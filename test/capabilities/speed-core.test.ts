import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newSpeed, noteSample, type Sample } from '../../capabilities/serving/speed-core.ts'
import { Speed } from '../../interface/manifest.ts'

const MINUTE_MS = 60_000

/** What is said after each of these answers, which come a minute apart. */
function said(samples: readonly Sample[]) {
  const state = newSpeed()
  return samples.map((sample, i) => noteSample(state, sample, i * MINUTE_MS))
}

const times = (count: number, firstChunkMs: number, tokensPerSecond?: number): Sample[] =>
  Array.from({ length: count }, () => ({ firstChunkMs, tokensPerSecond }))

describe('the speed that a device says of a model', () => {
  it('is the middle of its answers, from the fifth on', () => {
    const samples = [1000, 20, 22, 24, 26].map(firstChunkMs => ({ firstChunkMs, tokensPerSecond: 10.04 }))
    expect(said(samples)).toEqual([...Array(4), { firstChunkMs: 24, tokensPerSecond: 10 }])
  })

  it('changes once it has moved by a quarter, and not for a millisecond', () => {
    expect(said([...times(5, 100), ...times(20, 124)]).slice(5)).toEqual(Array(20).fill(undefined))
    expect(said([...times(5, 100), ...times(20, 125)]).filter(one => one)).toEqual([
      { firstChunkMs: 100 },
      { firstChunkMs: 125 }
    ])
    expect(said([...times(5, 1), ...times(20, 2)]).filter(one => one)).toEqual([{ firstChunkMs: 1 }])
    expect(said([...times(5, 9, 100), ...times(20, 9, 80)]).filter(one => one)).toHaveLength(2)
  })

  it('says nothing of tokens where an answer is one chunk, and forgets none that it knew', () => {
    expect(said(times(9, 5)).filter(one => one)).toEqual([{ firstChunkMs: 5 }])
    const state = newSpeed({ firstChunkMs: 100, tokensPerSecond: 7 })
    const told = times(5, 10).map(one => noteSample(state, one, 0))
    expect(told.at(-1)).toEqual({ firstChunkMs: 10, tokensPerSecond: 7 })
  })

  it('is said anew once a minute at most, by a quarter each time, and within what a manifest may say', () => {
    const sample = fc.record({
      firstChunkMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
      tokensPerSecond: fc.option(fc.double({ min: 0, max: 1e12, noNaN: true }), { nil: undefined }),
      waitMs: fc.nat(90_000)
    })
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 60 }), samples => {
        const state = newSpeed()
        let [nowMs, saidAtMs, before] = [0, Number.NEGATIVE_INFINITY, undefined as Speed | undefined]
        for (const { waitMs, ...one } of samples) {
          nowMs += waitMs
          const after = noteSample(state, one, nowMs)
          if (after === undefined) continue
          expect(Speed.safeParse(after).success).toBe(true)
          expect(nowMs - saidAtMs).toBeGreaterThanOrEqual(MINUTE_MS)
          if (before !== undefined) {
            const ratios = [
              after.firstChunkMs / before.firstChunkMs,
              (after.tokensPerSecond ?? 0) / (before.tokensPerSecond ?? 1e-9)
            ]
            expect(ratios.some(ratio => ratio >= 1.25 || ratio <= 0.8)).toBe(true)
          }
          ;[saidAtMs, before] = [nowMs, after]
        }
      })
    )
  })
})
