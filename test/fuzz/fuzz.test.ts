import { describe, expect, it } from 'vitest'
import { LumosError } from '../../interface/errors.ts'
import { startProcess } from '../storage/home.ts'
import { answerTo, fuzz } from './fuzz.ts'
import { readKept } from './kept.ts'
import { TARGETS } from './targets.ts'

/** A smoke test; `npm run fuzz` runs on. */
const RUNS = 2500
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

describe('the fuzzer itself', () => {
  const seeds = [Uint8Array.of(1, 2, 3, 4)]
  const refuse = () => {
    throw new LumosError('INVALID_INPUT', 'No.')
  }
  let changes = 0

  it.each([
    ['throws what is no refusal', { read: (bytes: Uint8Array) => bytes[3]!.toString() }, /no refusal/],
    [
      'changes something and refuses',
      {
        read: (bytes: Uint8Array) => {
          if (bytes.length === 4) return
          changes++
          refuse()
        },
        state: () => `${changes}`
      },
      /changed something/
    ],
    [
      'reads differently what it wrote',
      {
        read: (bytes: Uint8Array) => bytes.length,
        encode: (value: unknown) => new Uint8Array(Math.min(4, value as number))
      },
      /not what was written/
    ]
  ])('finds a reader that %s', async (name, reader, expected) => {
    await expect(fuzz({ name, seeds, ...reader }, 1000, SEED)).rejects.toThrow(expected)
  })

  // In a process of its own, because the test runner runs another text than the one on disk.
  it('is led by new code that an input reaches', async () => {
    const reader = startProcess(`
      import { parseInviteCode } from '../node/pairing/invite-code.ts'
      import { toSealedText } from '../node/membership/sealed-text.ts'
      import { Coverage } from '../test/fuzz/coverage.ts'
      const coverage = new Coverage()
      coverage.clear()
      for (const text of ['x', 'y', toSealedText(Uint8Array.of(9))]) {
        try { parseInviteCode(text) } catch {}
        console.log(coverage.news(true))
      }
    `)
    const news = Array.from({ length: 3 }, async () => Number((await reader.lines.next()).value))
    const [first, same, other] = await Promise.all(news)
    expect(first).toBeGreaterThan(0)
    expect(same).toBe(0)
    expect(other).toBeGreaterThan(0)
  })
})
