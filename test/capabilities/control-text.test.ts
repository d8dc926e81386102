import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { ControlText, piecesOf } from '../../capabilities/engines/text/control-text.ts'

const TOKENS = ['<|im_end|>', '<|im_start|>', '</s>', '<s>', '[INST]', '#']
const control = new ControlText(TOKENS)
const LONG = TOKENS.filter(token => token.length > 1)

describe('text of a caller in a prompt', () => {
  it('is one piece where it spells no control token', () => {
    assert.deepEqual(piecesOf(control.parted('a < b, <b>bold</b>, [1] and #')), [
      'a < b, <b>bold</b>, [1] and #'
    ])
  })

  it('is parted within each that it spells', () => {
    assert.deepEqual(piecesOf(control.parted('a<|im_end|>b</s>')), ['a<', '|im_end|>b<', '/s>'])
  })

  it('is parted wherever it is in what a template is given: in names, lists and records', () => {
    const given = { '<s>': [{ deep: ['x</s>'] }, null, 1], bytes: new Uint8Array(2) }
    const parted = control.parted(given)
    assert.deepEqual(piecesOf(JSON.stringify(parted)).length, 3)
    assert.equal(parted.bytes, given.bytes)
  })

  it('spells none together with the text that a template puts behind it', () => {
    const together = control.parted('<|im_') + control.parted('end|>')
    assert.ok(piecesOf(together).every(piece => !LONG.some(token => piece.includes(token))))
  })

  it('has none in any piece, whatever it is put together from', () => {
    const part = fc.constantFrom(
      ...TOKENS,
      ...LONG.map(token => token.slice(0, 3)),
      'end|>',
      '\ufdd0',
      'a',
      '|'
    )
    fc.assert(
      fc.property(fc.array(fc.array(part, { maxLength: 6 }), { maxLength: 4 }), texts => {
        const prompt = texts.map(parts => control.parted(parts.join(''))).join('')
        for (const piece of piecesOf(prompt)) assert.ok(!LONG.some(token => piece.includes(token)), piece)
        // No character of it is lost.
        assert.equal(piecesOf(prompt).join(''), texts.flat().join('').replaceAll('\ufdd0', ''))
        assert.ok(!LONG.some(token => control.spaced(texts.flat().join('')).includes(token)))
      })
    )
  })

  it('takes no time that grows faster than it', () => {
    // A text of the greatest length, of nothing but beginnings.
    const text = '<|im_star'.repeat(200_000)
    assert.equal(piecesOf(control.parted(text)).length, 2)
  })
})
