import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { unitNamedIn } from '../../gateway/unit-name.ts'

describe('the unit that the beginning of a body names', () => {
  it('is that of the outermost object, whatever stands before it', () => {
    for (const [head, unit] of [
      ['{"unit":"a.b","input":{"pad":"xxx', 'a.b'],
      [' {\n"type" : "query", "unit" : "a.b"', 'a.b'],
      ['{"input":{"unit":"c"},"unit":"a.b"', 'a.b'],
      ['{"input":["unit","c"],"unit":"a.b"', 'a.b'],
      ['{"type":"unit","unit":"a.b"', 'a.b'],
      ['{"input":"\\"unit\\":\\"c\\"","unit":"a.b"', 'a.b'],
      ['{"input":"}{\\\\","unit":"a.b"', 'a.b']
    ] as const) {
      assert.equal(unitNamedIn(head), unit, head)
    }
  })

  it('is not known while it has not come, nor from what is no such body', () => {
    for (const head of [
      '',
      '{',
      '{"unit"',
      '{"unit":',
      '{"unit":"mesh.st',
      '{"unit":7,"x":"y"',
      '[{"unit":"a"',
      '{"input":{"unit":"c"'
    ]) {
      assert.equal(unitNamedIn(head), undefined, head)
    }
    assert.equal(unitNamedIn('{"input":"... \\"unit\\": \\"a\\" ...'), undefined)
  })

  it('is the one that JSON has, for any body whose unit comes first', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z._]{1,20}$/), fc.jsonValue(), fc.nat(), (unit, input, cut) => {
        const body = JSON.stringify({ type: 'query', unit, input })
        const head = body.slice(0, Math.max(cut % body.length, body.indexOf('"input"')))
        assert.equal(unitNamedIn(head), unit)
      })
    )
  })

  it('is looked for in no more than a moment, whatever a body holds', () => {
    const beganMs = performance.now()
    for (const piece of ['"', '\\"', '{', '":"', '"\\', '{"unit":']) unitNamedIn(piece.repeat(64 * 1024))
    assert.ok(performance.now() - beganMs < 2000)
  })
})
