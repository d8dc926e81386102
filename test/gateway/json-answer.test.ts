import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { isLarge, jsonBody, jsonPieces, toJson, WHOLE_BYTES_MAX } from '../../gateway/json-answer.ts'

/** A piece is full when the next part of it, of at most as much, has been added. */
const PIECE_CHARS_MAX = 2 * 256 * 1024

const Small = fc.jsonValue({ maxDepth: 3 })
const Large = fc.oneof(
  fc.integer({ min: 1, max: 500_000 }).map(n => new Uint8Array(n).fill(n)),
  fc.integer({ min: 1, max: 20_000 }).map(n => Array.from({ length: n }, (_, i) => i / 7)),
  fc.integer({ min: 1, max: 300_000 }).map(n => Buffer.alloc(n, 'ab'))
)
const Odd = fc.constantFrom(
  undefined,
  null,
  Number.NaN,
  new Date(0),
  { left: undefined, kept: 1 },
  '"\\\n',
  []
)
const Value = fc.letrec(tie => ({
  value: fc.oneof({ depthSize: 'small' }, Small, Odd, Large, tie('list'), tie('record')),
  list: fc.array(tie('value'), { maxLength: 3 }),
  record: fc.dictionary(fc.string(), tie('value'), { maxKeys: 3 })
}))

describe('the JSON of an answer', () => {
  it('is the same in pieces as whole, and no piece is large', () => {
    fc.assert(
      fc.property(Value.list, Value.record, (list, record) => {
        for (const value of [list, record, { success: true, data: { list, record }, meta: {} }]) {
          const pieces = [...jsonPieces(value)]
          assert.equal(pieces.join(''), toJson(value))
          for (const piece of pieces) assert.ok(piece.length <= PIECE_CHARS_MAX, `${piece.length} characters`)
        }
      }),
      { numRuns: 12 }
    )
  })

  it('is a text up to a megabyte, of which the last byte counts', () => {
    assert.equal(typeof jsonBody(new Uint8Array(WHOLE_BYTES_MAX)), 'string')
    assert.ok(jsonBody(new Uint8Array(WHOLE_BYTES_MAX + 1)) instanceof ReadableStream)
    assert.equal(isLarge('a'.repeat(WHOLE_BYTES_MAX)), false)
    assert.equal(isLarge('a'.repeat(WHOLE_BYTES_MAX + 1)), true)
    assert.equal(isLarge([1.5, 2.5]), false)
    assert.equal(isLarge(Array.from({ length: WHOLE_BYTES_MAX / 8 }, () => 1)), true)
  })

  it('leaves other work its turn before each piece, however fast it is read', async () => {
    const value = { tensors: [new Uint8Array(3_000_000), new Uint8Array(3_000_000).fill(255)] }
    let turns = 0
    let read = false
    const turn = (): void => {
      turns++
      if (!read) setImmediate(turn)
    }
    setImmediate(turn)
    const pieces: Uint8Array[] = []
    for await (const piece of jsonBody(value) as ReadableStream<Uint8Array>) pieces.push(piece)
    read = true
    assert.ok(pieces.length > 10)
    assert.ok(turns >= pieces.length, `${turns} turns for ${pieces.length} pieces`)
    assert.equal(Buffer.concat(pieces).toString(), toJson(value))
  })
})
