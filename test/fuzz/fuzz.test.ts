import { describe, expect, it } from 'vitest'
import { answerTo, fuzz } from './fuzz.ts'
import { readKept } from './kept.ts'
import { TARGETS } from './targets.ts'

const RUNS = 50_000
/** Changes when a reader does, not from run to run: chance belongs to `npm run fuzz`. */
const SEED = 20_260
/** On a machine that has much else to do. */
const TIMEOUT_MS = 300_000

describe('whatever bytes come', () => {
  it.each(TARGETS.map(({ name }) => name))(
    '%s: a value or an error with a code',
    async name => {
      const target = TARGETS.find(target => target.name === name)!
      const runs = RUNS * (target.share ?? 1)
      const { accepted, refused, slowestMs } = await fuzz(target, runs, SEED)
      const codes = Object.entries(refused).map(([code, count]) => `${code} ${count}`)
      console.log(
        `${name}: ${runs} inputs, ${accepted} accepted, ${codes.join(', ')}, slowest ${slowestMs.toFixed(1)} ms`
      )
      expect(accepted + Object.keys(refused).length).toBeGreaterThan(0)
    },
    TIMEOUT_MS
  )
})

describe('what was found once', () => {
  it.each(TARGETS.map(({ name }) => name))('%s: reads it right for ever', async name => {
    const target = TARGETS.find(target => target.name === name)!
    for (const kind of ['corpus', 'crashes'] as const) {
      for (const { name: file, bytes } of readKept(kind, name)) {
        await Promise.resolve()
          .then(() => answerTo(target, bytes))
          .catch(err => {
            throw new Error(`${kind}/${file}: ${err.message}`, { cause: err })
          })
      }
    }
  })
})
