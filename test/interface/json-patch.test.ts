import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { patched, patchOf } from '../../interface/json-patch.ts'

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe('a JSON Patch', () => {
  it('turns any JSON value into any other one', () => {
    const item = fc.record(
      { id: fc.constantFrom('a', 'b', 'c', 'd'), size: fc.nat(3) },
      { requiredKeys: ['id'] }
    )
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.record({ items: fc.array(item, { maxLength: 5 }), total: fc.option(fc.nat(2)) }),
      fc.dictionary(fc.constantFrom('a/b', '~', '~1', '', '__proto__'), fc.jsonValue({ maxDepth: 1 }))
    )
    fc.assert(
      fc.property(value, value, (one, other) => {
        const [before, after] = [json(one), json(other)]
        assert.deepEqual(patched(before, patchOf(before, after)), after)
        assert.deepEqual(before, json(one))
      }),
      { numRuns: 400 }
    )
  })

  it('says of an item only what has changed of it, and keeps what is null', () => {
    const before = {
      items: [
        { id: 'a', at: 1 },
        { id: 'b', at: 1 },
        { id: 'c', at: null }
      ]
    }
    const after = {
      items: [
        { id: 'b', at: null },
        { id: 'c', at: null },
        { id: 'd', at: 4 }
      ]
    }
    assert.deepEqual(patchOf(before, after), [
      { op: 'remove', path: '/items/0' },
      { op: 'replace', path: '/items/0/at', value: null },
      { op: 'add', path: '/items/2', value: { id: 'd', at: 4 } }
    ])
    assert.deepEqual(patchOf(before, before), [])
  })

  it('that does not fit its value is refused', () => {
    for (const [op, path] of [
      ['replace', '/b'],
      ['remove', '/b'],
      ['add', '/a/3'],
      ['replace', '/a/1'],
      ['remove', '/a/01'],
      ['add', '/a/0/0'],
      ['replace', '/__proto__/x']
    ] as const) {
      assert.throws(() => patched({ a: [1] }, [{ op, path, value: 1 }]), { code: 'PROTOCOL_VIOLATION' }, path)
    }
  })
})
