import assert from 'node:assert/strict'
import { it } from 'vitest'
import { Manifest, Offered } from '../../interface/manifest.ts'

it.each([
  [32, true],
  [33, false]
])('a manifest with parts of %i features is read: %s', (count, may) => {
  const parts = Object.fromEntries(Array.from({ length: count }, (_, n) => [`part${n}`, new Uint8Array(1)]))
  const { success, error } = Manifest.shape.parts.safeParse(parts)
  assert.equal(success, may, error?.message)
})

it('a speed is read within bounds, and an offer of an earlier version says none', () => {
  const offer = { task: 'tensor', model: 'm', slots: 1, warm: true }
  const reads = (speed: unknown) => Offered.safeParse({ ...offer, speed }).success
  assert.deepEqual(Offered.parse(offer), offer)
  assert.ok(
    reads({ firstChunkMs: 1, tokensPerSecond: 0.5, newer: true }) && reads({ firstChunkMs: 3_600_000 })
  )
  const hostile = [0, -1, 0.5, 3_600_001, 1e300, Number.NaN, Number.POSITIVE_INFINITY, '1', null]
  for (const firstChunkMs of hostile) assert.ok(!reads({ firstChunkMs }), String(firstChunkMs))
  const rates = [0, -1, 1_000_001, Number.NaN, Number.POSITIVE_INFINITY, '1', null]
  for (const tokensPerSecond of rates) assert.ok(!reads({ firstChunkMs: 1, tokensPerSecond }))
})
