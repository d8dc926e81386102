import fc from 'fast-check'
import { expect, it } from 'vitest'
import { exceeds, isDeeper } from '../../interface/json-extent.ts'

const nested = (depth: number, inner: unknown = 1): unknown =>
  Array.from({ length: depth }).reduce<unknown>(
    (value, _, n) => (n % 2 ? [0, value] : { a: null, b: value }),
    inner
  )

it('a value is as deep as its objects and lists are, whatever else it holds', () => {
  for (const flat of [null, 'x'.repeat(100), 1, undefined]) expect(isDeeper(flat, 0)).toBe(false)
  expect([isDeeper([], 0), isDeeper([], 1), isDeeper({}, 0)]).toEqual([true, false, true])
  expect([isDeeper(nested(64), 64), isDeeper(nested(65), 64)]).toEqual([false, true])
  expect(isDeeper(JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), 64)).toBe(true)
  expect(isDeeper(JSON.parse('{"__proto__":[[]]}'), 2)).toBe(true)
})

it('both ways to measure depth agree', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.nat(7), (text, depth) => {
      const value: unknown = JSON.parse(text)
      expect(isDeeper(value, depth)).toBe(exceeds(value, Number.POSITIVE_INFINITY, depth) === 'depth')
    })
  )
})
