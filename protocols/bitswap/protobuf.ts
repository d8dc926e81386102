/** The little of protobuf that Bitswap needs. */

import { ProtocolViolationError } from '../../interface/errors.ts'
import { allocate } from '../wire/bytes.ts'

const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const FIXED32 = 5
/** Of 64 bits; a negative number takes all of them. */
const VARINT_BYTES_MAX = 10

type Field = readonly [number: number, value: number | Uint8Array]

/** Fields of a message, in their order. @throws {ProtocolViolationError} for what is no protobuf. */
export function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let n = 0; n < VARINT_BYTES_MAX && at < bytes.byteLength; n++) {
      const byte = bytes[at++]!
      value += (byte & 0x7f) * 2 ** (7 * n)
      if (byte < 0x80) return value
    }
    throw new ProtocolViolationError('A number of a protobuf has no end.')
  }
  const take = (length: number): Uint8Array => {
    if (length > bytes.byteLength - at) throw new ProtocolViolationError('A protobuf is cut short.')
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.byteLength) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    const type = tag % 8
    if (type === VARINT) yield [number, varint()]
    else if (type === LENGTH) yield [number, take(varint())]
    else if (type === FIXED64) take(8)
    else if (type === FIXED32) take(4)
    else throw new ProtocolViolationError(`A protobuf has a field of type ${type}.`)
  }
}

export function protobuf(fields: readonly Field[]): Uint8Array {
  return concat(
    fields.flatMap(([number, value]) =>
      typeof value === 'number'
        ? [varintOf(number * 8 + VARINT), varintOf(value)]
        : [varintOf(number * 8 + LENGTH), varintOf(value.byteLength), value]
    )
  )
}

export const lengthPrefixed = (body: Uint8Array): Uint8Array => concat([varintOf(body.byteLength), body])

function varintOf(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest])
    bytes.push((rest % 128) | 0x80)
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = allocate(parts.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
