/** The core of chains, by itself: whatever order envelopes come in, the same are taken, with the same clocks. */

import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { describe, it } from 'vitest'
import { type ChainHead, type ChainPlace, CLOCK_SLACK, place } from '../../../node/memory/log/chain-core.ts'

const ZEROS = new Uint8Array(32)
const hashOf = (writer: number, seq: number): Uint8Array => ZEROS.with(0, writer + 1).with(1, seq)

interface Written extends ChainPlace {
  readonly writer: number
  readonly after: readonly { writer: number; seq: number }[]
}

/** By writers that each have seen some of the others. */
function history(steps: readonly { writer: number; sees: number }[]): Written[] {
  const written: Written[] = []
  const last = new Map<number, Written>()
  for (const { writer, sees } of steps) {
    const prev = last.get(writer)
    const seen = written.filter(one => one.writer !== writer)
    const after = seen.length === 0 ? [] : [seen[sees % seen.length]!]
    const clock = Math.max(prev?.clock ?? 0, ...after.map(one => one.clock)) + 1
    const seq = (prev?.seq ?? 0) + 1
    const one = { writer, seq, prev: prev?.hash ?? ZEROS, hash: hashOf(writer, seq), clock, after }
    written.push(one)
    last.set(writer, one)
  }
  return written
}

/** What a device takes that gets these, again and again, until nothing moves. */
function taken(envelopes: readonly Written[]): Set<string> {
  const heads = new Map<number, ChainHead>()
  const known = new Map<string, Written>()
  for (let moved = true; moved; ) {
    moved = false
    for (const one of envelopes) {
      const after = one.after.map(on => {
        const found = known.get(`${on.writer} ${on.seq}`)
        return found === undefined
          ? ({ state: 'missing' } as const)
          : ({ state: 'applied', clock: found.clock } as const)
      })
      const placed = place(one, heads.get(one.writer), known.get(`${one.writer} ${one.seq}`)?.hash, after)
      if (placed.type !== 'next') continue
      known.set(`${one.writer} ${one.seq}`, one)
      heads.set(one.writer, one)
      moved = true
    }
  }
  return new Set(known.keys())
}

const steps = fc.array(fc.record({ writer: fc.nat(3), sees: fc.nat(40) }), { minLength: 1, maxLength: 40 })

describe('the chain of a writer', () => {
  it('takes all that was written, in whatever order it comes', () => {
    fc.assert(
      fc.property(steps, fc.infiniteStream(fc.nat()), (steps, random) => {
        const written = history(steps)
        const shuffled = [...written, ...written].sort(() => (random.next().value! % 3) - 1)
        assert.equal(taken(shuffled).size, written.length)
      }),
      { numRuns: 200 }
    )
  })

  it('takes nothing with another clock than what it depends on gives, nor what builds on it', () => {
    fc.assert(
      fc.property(steps, fc.nat(39), fc.integer({ min: -3, max: 2 ** 40 }), (steps, at, by) => {
        const written = history(steps)
        const n = at % written.length
        const liar = written[n]!
        const lied = written.with(n, { ...liar, clock: liar.clock + (by === 0 ? 1 : by) })
        assert.equal(taken(lied).has(`${liar.writer} ${liar.seq}`), false)
      }),
      { numRuns: 200 }
    )
  })

  it('knows two envelopes of one number, and takes nothing more of a writer that is frozen', () => {
    const head = { seq: 3, hash: hashOf(0, 3), clock: 3 }
    const next = { seq: 4, prev: hashOf(0, 3), hash: hashOf(0, 4), clock: 4 }
    const other = { ...next, seq: 3, hash: hashOf(9, 3) }
    assert.equal(place(other, head, hashOf(0, 3), []).type, 'equivocated')
    assert.equal(place(next, head, undefined, []).type, 'next')
    assert.equal(place(next, { ...head, frozen: 4 }, undefined, []).type, 'known')
    assert.equal(place({ ...next, prev: ZEROS }, head, undefined, []).type, 'invalid')
    assert.equal(place({ ...next, seq: 6 }, head, undefined, []).type, 'waits')
    const unclocked = [{ state: 'unclocked', clock: 9 }] as const
    assert.equal(place({ ...next, clock: 500 }, head, undefined, unclocked).type, 'next')
    assert.equal(place({ ...next, clock: 11 + CLOCK_SLACK }, head, undefined, unclocked).type, 'invalid')
  })
})
