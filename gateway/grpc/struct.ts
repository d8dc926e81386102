/** `google.protobuf.Struct`, which is JSON in protobuf. */

import { InvalidInputError } from '../../interface/errors.ts'
import { WIRE } from '../../interface/protobuf.ts'
import { DEPTH_MAX, VALUES_MAX } from '../json-text.ts'
import { delimited, type Field, fieldsOf, malformed, textOf } from './wire.ts'

/** Fields of `Value`. */
const KIND = { null: 1, number: 2, string: 3, boolean: 4, struct: 5, list: 6 } as const
const FIELDS = 1
const KEY = 1
const VALUE = 2

const NULL = Buffer.from([KIND.null * 8 + WIRE.varint, 0])
const DOUBLE_BYTES = 8

/** An object of JSON; fields without a value are left out, as JSON does. Bytes are base64. */
export function encodeStruct(object: object): Buffer {
  const fields = Object.entries(object)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) =>
      delimited(FIELDS, Buffer.concat([delimited(KEY, key), delimited(VALUE, encodeValue(value))]))
    )
  return Buffer.concat(fields)
}

function encodeValue(value: unknown): Buffer {
  if (typeof value === 'string') return delimited(KIND.string, value)
  if (typeof value === 'boolean') return Buffer.from([KIND.boolean * 8 + WIRE.varint, value ? 1 : 0])
  if (typeof value === 'number' && Number.isFinite(value)) {
    const bytes = Buffer.alloc(1 + DOUBLE_BYTES)
    bytes[0] = KIND.number * 8 + WIRE.fixed64
    bytes.writeDoubleLE(value, 1)
    return bytes
  }
  if (value instanceof Uint8Array) return delimited(KIND.string, Buffer.from(value).toString('base64'))
  if (Array.isArray(value))
    return delimited(KIND.list, Buffer.concat(value.map(item => delimited(FIELDS, encodeValue(item)))))
  return typeof value === 'object' && value !== null ? delimited(KIND.struct, encodeStruct(value)) : NULL
}

/**
 * The object that the bytes are.
 *
 * @throws {LumosError} `INVALID_INPUT` where they are none; `INPUT_TOO_LARGE` where it holds more values than a body of JSON may.
 */
export function decodeStruct(bytes: Buffer): Record<string, unknown> {
  return new Decoder().struct(bytes, 0)
}

/** An entry, its key, its value and what that is. */
const FIELDS_EACH = 4

class Decoder {
  readonly #budget = { left: FIELDS_EACH * VALUES_MAX }

  struct(bytes: Buffer, depth: number): Record<string, unknown> {
    if (depth >= DEPTH_MAX) throw new InvalidInputError(`The input is nested more than ${DEPTH_MAX} deep.`)
    const entries: [string, unknown][] = []
    for (const field of fieldsOf(bytes, this.#budget))
      if (field.number === FIELDS) entries.push(this.#entry(field, depth))
    // Makes own fields of all names, of `__proto__` too.
    return Object.fromEntries(entries)
  }

  #entry({ wire, bytes }: Field, depth: number): [string, unknown] {
    if (wire !== WIRE.bytes) throw malformed()
    let key = ''
    let value: unknown = null
    for (const field of fieldsOf(bytes, this.#budget)) {
      if (field.number === KEY) key = textOf(field)
      else if (field.number === VALUE) value = this.#value(field, depth)
    }
    return [key, value]
  }

  #list(bytes: Buffer, depth: number): unknown[] {
    if (depth >= DEPTH_MAX) throw new InvalidInputError(`The input is nested more than ${DEPTH_MAX} deep.`)
    const items: unknown[] = []
    for (const field of fieldsOf(bytes, this.#budget))
      if (field.number === FIELDS) items.push(this.#value(field, depth))
    return items
  }

  #value({ wire, bytes }: Field, depth: number): unknown {
    if (wire !== WIRE.bytes) throw malformed()
    let value: unknown = null
    for (const field of fieldsOf(bytes, this.#budget)) value = this.#kind(field, depth)
    return value
  }

  #kind(field: Field, depth: number): unknown {
    const { number, wire, bytes } = field
    if (number === KIND.string) return textOf(field)
    if (number === KIND.number && wire === WIRE.fixed64) return bytes.readDoubleLE(0)
    if (wire === WIRE.varint) {
      if (number === KIND.null) return null
      if (number === KIND.boolean) return field.value !== 0
    }
    if (wire === WIRE.bytes) {
      if (number === KIND.struct) return this.struct(bytes, depth + 1)
      if (number === KIND.list) return this.#list(bytes, depth + 1)
    }
    throw malformed()
  }
}

/** A message with one `Struct` in it. */
export const structField = (number: number, object: object): Buffer => delimited(number, encodeStruct(object))
