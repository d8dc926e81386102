/**
 * Protobuf as fields, one after the other. A message is changed field by field and never decoded as a whole, so that what
 * this code does not know stays as it was, and gigabytes of weights are not copied.
 */

import { LumosError } from '../../interface/errors.ts'

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const FIXED32 = 5

const VARINT_BYTES_MAX = 10
/** A graph of ten thousand nodes has fewer by far, and each takes time. */
const FIELDS_MAX = 1_000_000

export interface Field {
  readonly number: number
  /** Of a varint, exact up to 2^53; else 0. */
  readonly value: number
  /** What it holds, of all but a varint: a part of what was read, not a copy. */
  readonly bytes: Buffer
  /** With its head. */
  readonly whole: Buffer
}

const NONE = Buffer.alloc(0)

/** @throws {LumosError} `MODEL_INVALID` for what is no protobuf. */
export function* fieldsOf(message: Buffer): Generator<Field> {
  let at = 0
  let left = FIELDS_MAX
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
    if (left-- === 0) throw malformed()
    const start = at
    const tag = varint()
    const wire = tag % 8
    const number = Math.floor(tag / 8)
    if (wire === VARINT) {
      const value = varint()
      yield { number, value, bytes: NONE, whole: message.subarray(start, at) }
      continue
    }
    const size = wire === BYTES ? varint() : wire === FIXED64 ? 8 : wire === FIXED32 ? 4 : undefined
    if (number === 0 || size === undefined || size > message.length - at) throw malformed()
    at += size
    yield { number, value: 0, bytes: message.subarray(at - size, at), whole: message.subarray(start, at) }
  }
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

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest % 0x80) | 0x80)
    rest = Math.floor(rest / 0x80)
  }
  return Buffer.from([...bytes, rest])
}

export const integer = (number: number, value: number): Buffer =>
  Buffer.concat([varint(number * 8 + VARINT), varint(value)])

/** Texts, bytes or a message within a message. */
export function delimited(number: number, ...parts: readonly (Buffer | string)[]): Buffer[] {
  const all = parts.map(part => (typeof part === 'string' ? Buffer.from(part) : part))
  return [varint(number * 8 + BYTES), varint(bytesOf(all)), ...all]
}

const bytesOf = (parts: readonly Buffer[]): number => parts.reduce((sum, { length }) => sum + length, 0)

const malformed = (): LumosError => new LumosError('MODEL_INVALID', 'It is no ONNX file.')
