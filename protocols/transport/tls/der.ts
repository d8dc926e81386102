/**
 * As much of ASN.1's DER as a certificate takes: values with a tag and a length, one in another.
 * The reader is strict: tags of one byte, lengths in their shortest form, ends that meet exactly.
 */

import { ProtocolViolationError } from '../../../interface/errors.ts'

export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** `[0]` and `[3]`, which mark members that may be left out. */
  context0: 0xa0,
  context3: 0xa3
} as const

export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Uint8Array.from(head), content])
}

/** One value as it was read. */
export interface DerValue {
  readonly tag: number
  readonly content: Buffer
  /** With tag and length. */
  readonly whole: Buffer
}

/**
 * The values that lie one after the other in `bytes`.
 *
 * @throws {ProtocolViolationError} unless they fill it exactly.
 */
export function derValues(bytes: Buffer): DerValue[] {
  const values: DerValue[] = []
  for (let at = 0; at < bytes.length; ) {
    const [tag, short] = [bytes[at]!, bytes[at + 1]]
    // The long form of tags: a certificate has none, and OpenSSL reads on behind it.
    if ((tag & 0x1f) === 0x1f) throw malformed()
    let start = at + 2
    let length = short ?? Number.NaN
    if (length >= 0x80) {
      const bytesOfLength = length & 0x7f
      if (bytesOfLength < 1 || bytesOfLength > 3 || start + bytesOfLength > bytes.length) throw malformed()
      length = bytes.readUIntBE(start, bytesOfLength)
      if (length < 0x80 || length < 256 ** (bytesOfLength - 1)) throw malformed()
      start += bytesOfLength
    }
    const end = start + length
    if (!(end <= bytes.length)) throw malformed()
    values.push({ tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) })
    at = end
  }
  return values
}

const malformed = (): ProtocolViolationError => new ProtocolViolationError('A certificate is malformed.')
