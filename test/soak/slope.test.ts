import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../sim/random.ts'
import type { Sample } from '../../soak/sample.ts'
import { meanSlope, type Point, slopeOf } from '../../soak/slope.ts'
import { judge, type NodeSample } from '../../soak/verdict.ts'

const MINUTES = 50

/** A value a minute: 100, growing by `perHour`, with noise up to `noise` that remembers its last value by `memory`. */
function series(perHour: number, { noise = 1, memory = 0, seed = 1 } = {}): Point[] {
  const random = seededRandom(seed)
  let drift = 0
  return Array.from({ length: MINUTES }, (_, minute) => {
    drift = memory * drift + noise * (2 * random() - 1)
    return { hours: minute / 60, value: 100 + (perHour * minute) / 60 + drift }
  })
}

/** How many of 400 series of noise alone have an interval without the truth in it. */
function misses(memory: number): number {
  return Array.from({ length: 400 }, (_, seed) => slopeOf(series(0, { memory, seed }))).filter(
    ({ perHour, marginPerHour }) => Math.abs(perHour) > marginPerHour
  ).length
}

describe('a slope', () => {
  it('is exact where there is no noise', () => {
    const { perHour, marginPerHour } = slopeOf(series(3, { noise: 0 }))
    expect(perHour).toBeCloseTo(3, 9)
    expect(marginPerHour).toBeCloseTo(0, 6)
  })

  it('finds a planted leak in noise, and nothing where nothing grows', () => {
    const leak = slopeOf(series(5))
    expect(leak.perHour - leak.marginPerHour).toBeGreaterThan(1)
    const flat = slopeOf(series(0))
    expect(Math.abs(flat.perHour)).toBeLessThan(flat.marginPerHour)
  })

  it('has an interval that holds the truth about nineteen times in twenty', () => {
    expect(misses(0)).toBeGreaterThan(4)
    expect(misses(0)).toBeLessThan(40)
  })

  it('promises less when each value resembles the one before it', () => {
    expect(misses(0.6)).toBeLessThan(60)
    const [calm, drifting] = [0, 0.6].map(memory => slopeOf(series(0, { memory, seed: 5 })).marginPerHour)
    expect(drifting!).toBeGreaterThan(1.5 * calm!)
  })

  it('of several nodes is as sure as they agree', () => {
    const at = (perHour: number) => ({ perHour, marginPerHour: 0 })
    expect(meanSlope([at(2), at(2), at(2)])).toEqual({ perHour: 2, marginPerHour: 0 })
    const apart = meanSlope([at(-1), at(2), at(5)])
    expect(apart.perHour).toBe(2)
    // Student's t for two degrees of freedom, times the standard error of the mean.
    expect(apart.marginPerHour).toBeCloseTo(4.3 * Math.sqrt(3), 9)
  })
})

describe('the verdict', () => {
  const STILL: Sample = {
    rssBeforeMB: 0,
    rssMB: 0,
    heapMB: 0,
    externalMB: 0,
    descriptors: 40,
    connections: 9,
    streams: 2
  }
  const nodeSamples = (node: string, rss: Point[]): NodeSample[] =>
    rss.map(({ hours, value }) => ({
      ...STILL,
      node,
      hours,
      rssMB: value,
      calls: 0,
      streams: 0,
      lost: [],
      warnings: []
    }))
  const resultFor = (slopes: readonly number[], noise = 0.2): string | undefined =>
    judge(
      slopes.flatMap((perHour, i) => nodeSamples(`stays-${i}`, series(perHour, { noise, seed: i }))),
      0
    ).find(({ metric }) => metric === 'rssMB')?.result

  it('is flat when no node grows, and rising when all do', () => {
    expect(resultFor([0, 0.1, -0.1, 0])).toBe('flat')
    expect(resultFor([3, 3.2, 2.9, 3.1])).toBe('rising')
  })

  it('is rising when one node leaks and the others hide it in their mean', () => {
    expect(resultFor([-4, -4, -4, 8])).toBe('rising')
  })

  it('is unclear when the noise could hide a leak', () => {
    expect(resultFor([0.8, 0.9, 1, 1.1], 3)).toBe('unclear')
  })

  it('does not count what was measured before the node was warm', () => {
    const steep = series(500, { noise: 0 }).slice(0, 10)
    const warm = series(0, { noise: 0.2 })
      .slice(10)
      .map(({ hours, value }) => ({ hours, value: value + 80 }))
    const samples = ['a', 'b'].flatMap(node => nodeSamples(node, [...steep, ...warm]))
    const resultFrom = (hours: number) => judge(samples, hours)[0]!.result
    expect(resultFrom(0)).not.toBe('flat')
    expect(resultFrom(10 / 60)).toBe('flat')
  })

  it('says nothing of what was measured too seldom', () => {
    expect(judge(nodeSamples('a', series(0)), 0)).toEqual([])
    expect(
      judge(
        ['a', 'b'].flatMap(node => nodeSamples(node, series(0).slice(0, 4))),
        0
      )
    ).toEqual([])
  })
})
