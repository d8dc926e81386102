/** Protobuf as bytes: fields one after the other. What a message is made of says `messages.ts`. */

import { InvalidInputError, LumosError } from '../../interface/errors.ts'

export const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const
type Wire = (typeof WIRE)[keyof typeof WIRE]

const VARINT_BYTES_MAX = 10
const FIELD_MAX = 2 ** 29 - 1
/** Of one message, without its structs: far more than any has, and read within a millisecond. */
const FIELDS_MAX = 1000

/** How many fields may still be read: some take two bytes, and each takes time. */
export interface Budget {
  left: number
}

export interface Field {
  readonly number: number
  readonly wire: Wire
  /** Of a varint. Above 2^53 it is not exact, and no message here has such a number. */
  readonly value: number
  /** Of all others: a part of what was read, not a copy. */
  readonly bytes: Buffer
}

const NONE = Buffer.alloc(0)
const SIZES: Readonly<Record<number, number>> = { [WIRE.fixed64]: 8, [WIRE.fixed32]: 4 }

/** @throws {LumosError} `INVALID_INPUT` where they are no message; `INPUT_TOO_LARGE` where there are too many. */
export function* fieldsOf(message: Buffer, budget: Budget = { left: FIELDS_MAX }): Generator<Field> {
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let n = 0; n < VARINT_BYTES_MAX && at < message.length; n++) {
      const byte = message[at++]!
      value += (byte & 0x7f) * 2 ** (7 * n)
      if (byte < 0x80) return value
    }
    throw malformed()
  }
  while (at < message.length) {
    if (--budget.left < 0) throw new LumosError('INPUT_TOO_LARGE', 'The message holds too many fields.')
    const tag = varint()
    const [number, wire] = [Math.floor(tag / 8), tag % 8]
    if (number < 1 || number > FIELD_MAX) throw malformed()
    if (wire === WIRE.varint) {
      yield { number, wire, value: varint(), bytes: NONE }
      continue
    }
    const size = wire === WIRE.bytes ? varint() : SIZES[wire]
    if (size === undefined || size > message.length - at) throw malformed()
    yield { number, wire: wire as Wire, value: 0, bytes: message.subarray(at, at + size) }
    at += size
  }
}

export const malformed = (): InvalidInputError =>
  new InvalidInputError('The message is not the protobuf that this method takes.')

const decoder = new TextDecoder('utf-8', { fatal: true })

/** @throws {InvalidInputError} where the bytes are no UTF-8. */
export function textOf({ wire, bytes }: Field): string {
  if (wire !== WIRE.bytes) throw malformed()
  try {
    return decoder.decode(bytes)
  } catch {
    throw malformed()
  }
}

export function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  return Buffer.from([...bytes, rest])
}

/** A text, bytes or a message within a message. */
export function delimited(number: number, content: string | Uint8Array): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  return Buffer.concat([varint(number * 8 + WIRE.bytes), varint(bytes.length), bytes])
}

/** As protobuf has it: an empty text is not written. */
export const text = (number: number, value: string): Buffer =>
  value === '' ? NONE : delimited(number, value)

export const integer = (number: number, value: number): Buffer =>
  value === 0 ? NONE : Buffer.concat([varint(number * 8 + WIRE.varint), varint(value)])
