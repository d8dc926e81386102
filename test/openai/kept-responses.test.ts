import { describe, expect, it } from 'vitest'
import { KeptResponses } from '../../gateway/openai/responses/kept.ts'

const MIB = 1024 * 1024
const withPicture = (bytes: number) => ({
  messages: [{ role: 'user', content: [{ type: 'image', image: new Uint8Array(bytes) }] }],
  response: {}
})

describe('responses that are kept', () => {
  it('hold pictures by their bytes, and forget the oldest where there is no room', () => {
    const kept = new KeptResponses()
    kept.keep('first', withPicture(40 * MIB))
    expect(kept.get('first')).toBeDefined()
    kept.keep('second', withPicture(20 * MIB))
    expect(kept.get('first')).toBeDefined()
    kept.keep('third', withPicture(30 * MIB))
    expect(kept.get('first')).toBeUndefined()
    expect(kept.get('second')).toBeDefined()
    expect(kept.get('third')).toBeDefined()
  })

  it('have room again for what was forgotten, and none for one that is larger than all of it', () => {
    const kept = new KeptResponses()
    kept.keep('first', withPicture(60 * MIB))
    kept.forget('first')
    kept.forget('first')
    kept.keep('second', withPicture(60 * MIB))
    expect(kept.get('second')).toBeDefined()
    kept.keep('large', withPicture(65 * MIB))
    expect(kept.get('large')).toBeUndefined()
    expect(kept.get('second')).toBeDefined()
  })

  it('are 256 at most', () => {
    const kept = new KeptResponses()
    for (let n = 0; n <= 256; n++)
      kept.keep(`r${n}`, { messages: [{ role: 'user', content: 'a' }], response: {} })
    expect([0, 1, 256].map(n => kept.get(`r${n}`) !== undefined)).toEqual([false, true, true])
  })
})
