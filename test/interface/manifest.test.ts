import assert from 'node:assert/strict'
import { it } from 'vitest'
import { Manifest } from '../../interface/manifest.ts'

it.each([
  [32, true],
  [33, false]
])('a manifest with parts of %i features is read: %s', (count, may) => {
  const parts = Object.fromEntries(Array.from({ length: count }, (_, n) => [`part${n}`, new Uint8Array(1)]))
  const { success, error } = Manifest.shape.parts.safeParse(parts)
  assert.equal(success, may, error?.message)
})
