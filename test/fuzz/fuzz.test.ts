import { describe, expect, it } from 'vitest'
import { fuzz } from './fuzz.ts'
import { TARGETS } from './targets.ts'

const RUNS = 50_000
/** Changes when a reader does, not from run to run: chance belongs to `npm run fuzz`. */
const SEED = 20_260

describe('whatever bytes come', () => {
  it.each(TARGETS.map(({ name }) => name))('%s: a value or an error with a code', async name => {
    const target = TARGETS.find(target => target.name === name)!
    const { accepted, refused, slowestMs } = await fuzz(target, RUNS, SEED)
    const codes = Object.entries(refused).map(([code, count]) => `${code} ${count}`)
    console.log(
      `${name}: ${RUNS} inputs, ${accepted} accepted, ${codes.join(', ')}, slowest ${slowestMs.toFixed(1)} ms`
    )
    expect(Object.keys(refused).length).toBeGreaterThan(0)
  })
})
