/**
 * Protobuf as fields, one after the other. A message is changed field by field and never decoded as a whole, so that what
 * this code does not know stays as it was, and gigabytes of weights are not copied.
 */

import { LumosError } from '../../interface/errors.ts'
import { type ProtobufField, protobufFields, varintOf, WIRE } from '../../interface/protobuf.ts'

/** A graph of ten thousand nodes has fewer by far, and each takes time. */
const FIELDS_MAX = 1_000_000

export interface Field extends ProtobufField {
  /** With its head. */
  readonly whole: Buffer
}

/** @throws {LumosError} `MODEL_INVALID` for what is no protobuf. */
export function* fieldsOf(message: Buffer): Generator<Field> {
  const errors = { malformed, tooMany: malformed }
  for (const field of protobufFields(message, { left: FIELDS_MAX }, errors))
    yield { ...field, whole: message.subarray(field.start, field.end) }
}

/** The numbers of a field that may be packed into one value or stand each in its own. */
export function numbersIn({ value, bytes }: Field): number[] {
  if (bytes.length === 0) return [value]
  const numbers: number[] = []
  let number = 0
  let scale = 1
  for (const byte of bytes) {
    number += (byte & 0x7f) * scale
    scale *= 0x80
    if (byte >= 0x80) continue
    numbers.push(number)
    number = 0
    scale = 1
  }
  return numbers
}

export const integer = (number: number, value: number): Buffer =>
  Buffer.concat([varintOf(number * 8 + WIRE.varint), varintOf(value)])

/** Texts, bytes or a message within a message. */
export function delimited(number: number, ...parts: readonly (Buffer | string)[]): Buffer[] {
  const all = parts.map(part => (typeof part === 'string' ? Buffer.from(part) : part))
  return [varintOf(number * 8 + WIRE.bytes), varintOf(bytesOf(all)), ...all]
}

const bytesOf = (parts: readonly Buffer[]): number => parts.reduce((sum, { length }) => sum + length, 0)

const malformed = (): LumosError => new LumosError('MODEL_INVALID', 'It is no ONNX file.')
