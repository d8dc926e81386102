/** Protobuf as bytes: fields, one after the other. What a field means says who reads it. */

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const
export type Wire = (typeof WIRE)[keyof typeof WIRE]

/** Of 64 bits; a negative number takes all of them. */
const VARINT_BYTES_MAX = 10
const FIELD_MAX = 2 ** 29 - 1

export interface ProtobufField {
  readonly number: number
  readonly wire: Wire
  /** Of a varint, exact up to 2^53; else 0. */
  readonly value: number
  /** What it holds, of all but a varint: a part of what was read, not a copy. */
  readonly bytes: Buffer
  /** Where it stands in the message, with its head. */
  readonly start: number
  readonly end: number
}

/** How many fields may still be read: some take two bytes, and each takes time. */
export interface FieldBudget {
  left: number
}

export interface ProtobufErrors {
  malformed(): Error
  tooMany(): Error
}

const NONE = Buffer.alloc(0)
const SIZES: Readonly<Record<number, number>> = { [WIRE.fixed64]: 8, [WIRE.fixed32]: 4 }

/** @throws {Error} one of `errors`, where they are no message or too many. */
export function* protobufFields(
  message: Buffer,
  budget: FieldBudget,
  errors: ProtobufErrors
): Generator<ProtobufField> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let n = 0; n < VARINT_BYTES_MAX && at < message.length; n++) {
      const byte = message[at++]!
      value += (byte & 0x7f) * 2 ** (7 * n)
      if (byte < 0x80) return value
    }
    throw errors.malformed()
  }
  while (at < message.length) {
    if (--budget.left < 0) throw errors.tooMany()
    const start = at
    const tag = varint()
    const [number, wire] = [Math.floor(tag / 8), tag % 8]
    if (number < 1 || number > FIELD_MAX) throw errors.malformed()
    if (wire === WIRE.varint) {
      const value = varint()
      yield { number, wire, value, bytes: NONE, start, end: at }
      continue
    }
    const size = wire === WIRE.bytes ? varint() : SIZES[wire]
    if (size === undefined || size > message.length - at) throw errors.malformed()
    at += size
    yield { number, wire: wire as Wire, value: 0, bytes: message.subarray(at - size, at), start, end: at }
  }
}

export function varintOf(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  return Buffer.from([...bytes, rest])
}
