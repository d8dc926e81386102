/**
 * Bytes as text that people copy: letters and digits that survive any chat, e-mail
 * and change of case, with a checksum, so that a slip is a clear error and not
 * a wrong answer.
 */

import { createHash } from 'node:crypto'

/** One slip in four thousand million goes unnoticed. */
const CHECKSUM_BYTES = 4

export const toSealedText = (bytes: Uint8Array): string => toBase32(Buffer.concat([bytes, checksumOf(bytes)]))

/** @returns nothing when it was not copied right. White space does not count. */
export function fromSealedText(text: string): Uint8Array | undefined {
  const clean = text.replace(/\s+/g, '').toLowerCase()
  if (!/^[a-z2-7]+$/.test(clean)) return undefined
  const sealed = fromBase32(clean)
  const bytes = sealed.subarray(0, -CHECKSUM_BYTES)
  // Compared as text, so that there is one way to write it.
  return bytes.byteLength > 0 && toSealedText(bytes) === clean ? bytes : undefined
}

const checksumOf = (bytes: Uint8Array): Uint8Array =>
  createHash('sha256').update(bytes).digest().subarray(0, CHECKSUM_BYTES)

/** RFC 4648, in lower case and without padding: what is left over at the end is zeros. */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

function toBase32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(value >> (bits - 5)) & 31]
  }
  return bits === 0 ? text : text + ALPHABET[(value << (5 - bits)) & 31]
}

function fromBase32(text: string): Uint8Array {
  const bytes: number[] = []
  let bits = 0
  let value = 0
  for (const letter of text) {
    value = ((value << 5) | ALPHABET.indexOf(letter)) & 0xfff
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes.push((value >> bits) & 0xff)
  }
  return Uint8Array.from(bytes)
}
