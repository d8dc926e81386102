import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { encodeFrame, FrameReader, TO_ENGINE } from '../../capabilities/host/engine-frames.ts'

function through(message: object): unknown {
  const read: unknown[] = []
  const reader = new FrameReader(TO_ENGINE, got => read.push(got))
  reader.push(Buffer.concat(encodeFrame(message, TO_ENGINE)))
  assert.equal(read.length, 1)
  return read[0]
}

describe('a frame to an engine', () => {
  it('brings what its caller calls $bytes as it is, and never as bytes of the frame', () => {
    const bytes = new Uint8Array([1, 2, 3])
    for (const value of [
      { $bytes: [0, 3] },
      { $bytes: { $bytes: [0, 3] } },
      { $bytes: bytes, beside: bytes },
      { $bytes: { type: 'uint8', dims: [3], data: bytes } },
      { $bytes: null },
      { list: [{ $bytes: 'text' }] }
    ]) {
      assert.deepEqual(through({ params: value, secret: bytes }), { params: value, secret: bytes })
    }
  })

  it('brings any value', () => {
    const { value } = fc.letrec(tie => ({
      leaf: fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.uint8Array()),
      value: fc.oneof(
        { depthSize: 'small' },
        tie('leaf'),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('$bytes', 'a', 'b'), tie('value'), { noNullPrototype: true })
      )
    }))
    fc.assert(fc.property(value, each => assert.deepEqual(through({ each }), { each })))
  })
})
