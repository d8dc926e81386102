import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { KeptResponses } from '../../gateway/openai/responses/kept.ts'

const MIB = 2 ** 20
const asked = (content: unknown) => ({ messages: [{ role: 'user', content }], response: {} })

describe('responses that a later one may go on from', () => {
  it('count a picture by its bytes', () => {
    const kept = new KeptResponses()
    kept.keep('a', asked([{ type: 'image', image: new Uint8Array(40 * MIB) }]))
    assert.ok(kept.get('a'))
    kept.keep('b', asked([{ type: 'image', image: new Uint8Array(30 * MIB) }]))
    assert.equal(kept.get('a'), undefined)
    assert.ok(kept.get('b'))
  })

  it('count what they say of their request, such as its tools', () => {
    const kept = new KeptResponses()
    const tools = ['x'.repeat(10 * MIB)]
    for (let i = 0; i < 10; i++) kept.keep(`${i}`, { ...asked('hi'), response: { tools } })
    assert.deepEqual(
      Array.from({ length: 10 }, (_, i) => kept.get(`${i}`) !== undefined).lastIndexOf(false),
      3
    )
  })

  it('leave out one that is larger than all may be', () => {
    const kept = new KeptResponses()
    kept.keep('a', asked('hi'))
    kept.keep('b', asked('x'.repeat(65 * MIB)))
    assert.ok(kept.get('a'))
    assert.equal(kept.get('b'), undefined)
  })
})
