/**
 * Text that people and programs bring, as the editors and shells of each system write it: UTF-8, or UTF-16 that says
 * so by its first bytes. Anything else is refused, because half of it would be read as other letters.
 */

import { InvalidInputError } from './errors.ts'

const UTF16_MARKS = { fffe: 'utf-16le', feff: 'utf-16be' } as const

/** @throws {InvalidInputError} naming the first byte that is no text. */
export function decodeText(bytes: Uint8Array): string {
  const mark = Buffer.from(bytes.subarray(0, 2)).toString('hex') as keyof typeof UTF16_MARKS
  try {
    // The mark at the beginning is dropped.
    return new TextDecoder(UTF16_MARKS[mark] ?? 'utf-8', { fatal: true }).decode(bytes)
  } catch (err) {
    const place = Buffer.byteLength(Buffer.from(bytes).toString('utf8').split('\ufffd', 1)[0]!)
    throw new InvalidInputError(`The text is not UTF-8 (byte ${place}). Save it as UTF-8.`, { cause: err })
  }
}
