import { describe, expect, it } from 'vitest'
import { compare } from '../../bench/compare.ts'
import type { BenchResult } from '../../bench/results.ts'

const MACHINE = { cpu: 'one', cores: 2, memoryGB: 16, platform: 'linux x64', node: 'v24.0.0' }

interface Found {
  readonly rate?: number
  readonly ratio?: number
  readonly ms?: number
  readonly noise?: number
  readonly machine?: BenchResult['machine']
}

function resultWith({ rate = 1000, ratio = 2, ms = 5, noise = 0.01, machine = MACHINE }: Found): BenchResult {
  const rows = [
    {
      name: 'ours',
      value: rate,
      unit: 'calls/s',
      noise,
      ratios: [{ against: 'theirs', value: ratio, noise }]
    },
    { name: 'theirs', value: rate / ratio, unit: 'calls/s', noise, reference: true },
    { name: 'start', value: ms, unit: 'ms', noise }
  ]
  return { bench: 'any', machine, commit: 'any', tables: [{ title: 'Calls', rows }] }
}

const verdictsOf = (now: Found): Record<string, string> =>
  Object.fromEntries(compare(resultWith(now), resultWith({})).map(({ what, verdict }) => [what, verdict]))

describe('a comparison with what was published', () => {
  it('finds the same where the difference is noise', () => {
    expect(verdictsOf({ ratio: 1.99, ms: 5.04 })).toEqual({
      'Calls: ours × theirs': 'same',
      'Calls: start': 'same'
    })
    expect(verdictsOf({ ratio: 1.5, noise: 0.4 })['Calls: ours × theirs']).toBe('same')
  })

  it('knows that more calls are better and more milliseconds are worse', () => {
    expect(verdictsOf({ ratio: 2.2, ms: 5.3 })).toEqual({
      'Calls: ours × theirs': 'better',
      'Calls: start': 'worse'
    })
  })

  it('calls it a regression beyond a tenth', () => {
    expect(verdictsOf({ ratio: 1.7, ms: 6 })).toEqual({
      'Calls: ours × theirs': 'regressed',
      'Calls: start': 'regressed'
    })
  })

  it('asks for the ratio and not the rate, since machines differ in speed', () => {
    expect(verdictsOf({ rate: 100 })['Calls: ours × theirs']).toBe('same')
  })

  it('compares figures without a ratio on the same kind of machine only', () => {
    expect(verdictsOf({ ms: 50, machine: { ...MACHINE, cpu: 'another' } })).toEqual({
      'Calls: ours × theirs': 'same'
    })
  })
})
