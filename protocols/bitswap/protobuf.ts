/** The little of protobuf that Bitswap needs. */

import { ProtocolViolationError } from '../../interface/errors.ts'
import { protobufFields, varintOf, WIRE } from '../../interface/protobuf.ts'
import { allocate } from '../wire/bytes.ts'

type Field = readonly [number: number, value: number | Uint8Array]

const malformed = (): Error => new ProtocolViolationError('A message of Bitswap is no protobuf.')
const ERRORS = { malformed, tooMany: malformed }

/** Numbers and bytes of a message, in their order. @throws {ProtocolViolationError} for what is no protobuf. */
export function* fieldsOf({ buffer, byteOffset, byteLength }: Uint8Array): Generator<Field> {
  const message = Buffer.from(buffer, byteOffset, byteLength)
  // A field takes two bytes, and messages are bounded.
  for (const { number, wire, value, bytes } of protobufFields(message, { left: byteLength }, ERRORS)) {
    if (wire === WIRE.varint) yield [number, value]
    else if (wire === WIRE.bytes) yield [number, new Uint8Array(buffer, bytes.byteOffset, bytes.length)]
  }
}

export function protobuf(fields: readonly Field[]): Uint8Array {
  return concat(
    fields.flatMap(([number, value]) =>
      typeof value === 'number'
        ? [varintOf(number * 8 + WIRE.varint), varintOf(value)]
        : [varintOf(number * 8 + WIRE.bytes), varintOf(value.byteLength), value]
    )
  )
}

export const lengthPrefixed = (body: Uint8Array): Uint8Array => concat([varintOf(body.byteLength), body])

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = allocate(parts.reduce((sum, { byteLength }) => sum + byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
