import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { decodeText } from '../../interface/decode-text.ts'

const TEXT = 'Grüße, 日本語 👍\r\n'
const swapped = Buffer.from(`\ufeff${TEXT}`, 'utf16le').swap16()

describe('decodeText', () => {
  it.each([
    ['UTF-8', Buffer.from(TEXT)],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${TEXT}`)],
    ['UTF-16 as Windows writes it', Buffer.from(`\ufeff${TEXT}`, 'utf16le')],
    ['UTF-16 of the other order', swapped]
  ])('reads %s', (_, bytes) => assert.equal(decodeText(bytes), TEXT))

  it.each([
    ['Latin-1', Buffer.from('Grüße', 'latin1'), /not UTF-8 \(byte 2\)/],
    ['a picture', Buffer.from('89504e47', 'hex'), /not UTF-8 \(byte 0\)/],
    ['a cut character', Buffer.from('日').subarray(0, 2), /not UTF-8 \(byte 0\)/]
  ])('refuses %s', (_, bytes, why) => {
    assert.throws(() => decodeText(bytes), { code: 'INVALID_INPUT', message: why })
  })
})
