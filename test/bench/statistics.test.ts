import { describe, expect, it } from 'vitest'
import { medianOf, noiseOf, ratiosOf } from '../../bench/statistics.ts'
import { brokenPromises, figure, tableOf, textOf } from '../../bench/table.ts'
import { seededRandom } from '../../sim/random.ts'

/** Rounds of a rate of 100 whose noise is a few percent. */
const rounds = (count: number, seed: number, level = 100): number[] => {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => level * (1 + 0.1 * (random() + random() + random() - 1.5)))
}

describe('what a benchmark says of its noise', () => {
  it('is the median, so that one spoiled round changes nothing', () => {
    expect(medianOf([3, 1, 2])).toBe(2)
    expect(medianOf([1, 2, 3, 4])).toBe(2.5)
    expect(medianOf([100, 101, 99, 100, 1])).toBe(100)
    expect(noiseOf([100, 101, 99, 100, 1])).toBeLessThan(0.02)
  })

  it('holds the truth about nineteen times in twenty', () => {
    const missed = Array.from({ length: 500 }, (_, seed) => rounds(15, seed)).filter(
      values => Math.abs(medianOf(values) / 100 - 1) > noiseOf(values)
    )
    expect(missed.length).toBeGreaterThan(5)
    expect(missed.length).toBeLessThan(75)
  })

  it('compares round by round, so that a machine that slows down for both hides nothing', () => {
    const slowing = Array.from({ length: 9 }, (_, round) => 100 - 8 * round)
    const ratios = ratiosOf(
      slowing.map(value => 2 * value),
      slowing
    )
    expect(medianOf(ratios)).toBe(2)
    expect(noiseOf(ratios)).toBe(0)
    expect(noiseOf(slowing)).toBeGreaterThan(0.2)
  })
})

describe('a table', () => {
  const options = { unit: 'µs', references: ['theirs'], atMost: 1.05 }
  const tableWith = (level: number) =>
    tableOf(
      'Calls',
      new Map([
        ['ours', rounds(15, 1, level)],
        ['theirs', rounds(15, 1, 100)]
      ]),
      options
    )

  it('compares ours with each reference, and references with nothing', () => {
    const [ours, theirs] = tableWith(200).rows
    expect(ours).toMatchObject({ name: 'ours', unit: 'µs', ratios: [{ against: 'theirs', value: 2 }] })
    expect(theirs).toMatchObject({ reference: true })
    expect(theirs).not.toHaveProperty('ratios')
    expect(textOf(tableWith(200))).toMatch(
      /^Calls\n {2}ours .* ±\d.* 2 ± 0 × theirs \(above its limit of 1.05\)\n {2}theirs .*$/
    )
  })

  it('tells a limit that is exceeded, by however little, whatever the noise', () => {
    expect(brokenPromises([tableWith(104)])).toEqual([])
    const [ours, theirs] = tableWith(106).rows
    const noisy = { ...ours!, ratios: ours!.ratios!.map(ratio => ({ ...ratio, noise: 0.5 })) }
    expect(brokenPromises([{ title: 'Calls', rows: [noisy, theirs!] }])).toHaveLength(1)
    expect(brokenPromises([tableWith(110)])).toEqual([
      'Calls: ours is 1.1 × theirs; at most 1.05 is promised.'
    ])
  })

  it('writes three digits', () => {
    expect([42_123, 7700, 0.3942, 51].map(figure)).toEqual(['42,100', '7,700', '0.394', '51'])
  })
})
