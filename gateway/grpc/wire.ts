/** Protobuf as bytes: fields one after the other. What a message is made of says `messages.ts`. */

import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import {
  type FieldBudget,
  type ProtobufField,
  protobufFields,
  varintOf,
  WIRE
} from '../../interface/protobuf.ts'

/** Of one message, without its structs: far more than any has, and read within a millisecond. */
const FIELDS_MAX = 1000

export type Field = ProtobufField

const NONE = Buffer.alloc(0)

/** @throws {LumosError} `INVALID_INPUT` where they are no message; `INPUT_TOO_LARGE` where there are too many. */
export const fieldsOf = (message: Buffer, budget: FieldBudget = { left: FIELDS_MAX }): Generator<Field> =>
  protobufFields(message, budget, { malformed, tooMany })

const tooMany = (): LumosError => new LumosError('INPUT_TOO_LARGE', 'The message holds too many fields.')

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

/** A text, bytes or a message within a message. */
export function delimited(number: number, content: string | Uint8Array): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  return Buffer.concat([varintOf(number * 8 + WIRE.bytes), varintOf(bytes.length), bytes])
}

/** As protobuf has it: an empty text is not written. */
export const text = (number: number, value: string): Buffer =>
  value === '' ? NONE : delimited(number, value)

export const integer = (number: number, value: number): Buffer =>
  value === 0 ? NONE : Buffer.concat([varintOf(number * 8 + WIRE.varint), varintOf(value)])
