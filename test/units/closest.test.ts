import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { closestNames } from '../../interface/suggest.ts'

describe('the closest names', () => {
  it('put the least different first and leave out what has nothing in common', () => {
    const known = ['digits-cnn', 'digits-mlp', 'echo', 'whisper-small']
    assert.deepEqual(closestNames('digit-cnn', known), ['digits-cnn', 'digits-mlp'])
    assert.deepEqual(closestNames('ECHO', known), ['echo'])
    assert.deepEqual(closestNames('whisper', known), ['whisper-small'])
    assert.deepEqual(closestNames('zzz', known), [])
  })

  it('always begin with the name itself where it is known, and are few', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1 }), known => {
        const name = known[0]!
        const closest = closestNames(name, known)
        assert.ok(closest.length <= 3)
        assert.equal(closest[0]!.toLowerCase(), name.slice(0, 128).toLowerCase())
      })
    )
  })
})
