/** The messages of `aima.proto`, in bytes. */

import { InvalidInputError } from '../../interface/errors.ts'
import { varintOf, WIRE } from '../../interface/protobuf.ts'
import { decodeStruct, structField } from './struct.ts'
import { type Field, fieldsOf, malformed, text, textOf } from './wire.ts'

const UNIT = 1
const UNIT_TAG = UNIT * 8 + WIRE.bytes
/** A tag and a length of one byte each, and a name of up to 127. */
const UNIT_CHARS_MAX = 127

export interface Options {
  peer?: string
  policy?: string
  continuation?: string
  receipt?: boolean
}

export interface Request {
  unit: string
  input: Record<string, unknown>
  options: Options
  type?: string
}

/**
 * The unit that a request begins with: how long the rest may be depends on it.
 *
 * @returns `undefined` while there is too little of it; nothing where it begins with something else.
 */
export function unitAtHead(head: Buffer): string | undefined {
  const length = head[1]
  if (head.length === 0 || (head[0] === UNIT_TAG && length === undefined)) return undefined
  if (head[0] !== UNIT_TAG || length! > UNIT_CHARS_MAX) return ''
  return head.length < 2 + length! ? undefined : head.toString('utf8', 2, 2 + length!)
}

export function decodeRequest(bytes: Buffer): Request {
  const request: Request = { unit: '', input: {}, options: {} }
  for (const field of fieldsOf(bytes)) {
    if (field.number === UNIT) request.unit = textOf(field)
    else if (field.number === 2) request.input = decodeStruct(messageOf(field))
    else if (field.number === 3) request.options = decodeOptions(messageOf(field))
    else if (field.number === 4) request.type = textOf(field)
  }
  return request
}

function decodeOptions(bytes: Buffer): Options {
  const options: Options = {}
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) options.peer = textOf(field)
    else if (field.number === 2) options.policy = textOf(field)
    else if (field.number === 3) options.continuation = textOf(field)
    else if (field.number === 4) options.receipt = field.value !== 0
  }
  // An empty text is one that was not given.
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== ''))
}

export interface WatchRequest {
  uri: string
  since?: string
  peer?: string
}

export function decodeWatch(bytes: Buffer): WatchRequest {
  const [uri = '', since = '', peer = ''] = textsOf(bytes, 3)
  return { uri, ...(since !== '' && { since }), ...(peer !== '' && { peer }) }
}

/** The first fields of a message that has texts only. */
export function textsOf(bytes: Buffer, count: number): string[] {
  const texts = Array.from({ length: count }, () => '')
  for (const field of fieldsOf(bytes)) if (field.number <= count) texts[field.number - 1] = textOf(field)
  return texts
}

function messageOf({ wire, bytes }: Field): Buffer {
  if (wire !== WIRE.bytes) throw malformed()
  return bytes
}

export const response = (data: unknown, meta: object): Buffer =>
  Buffer.concat([structField(1, objectOf(data)), structField(2, meta)])

export const itemChunk = (item: unknown): Buffer => structField(1, objectOf(item))
export const metaChunk = (meta: object): Buffer => structField(2, meta)

interface Update {
  readonly type: string
  readonly id: string
}

export const resourceUpdate = ({ type, id, ...rest }: Update): Buffer =>
  Buffer.concat([text(1, type), text(2, id), structField(3, rest)])

export const health = (status: string): Buffer => text(1, status)

/** All answers of units are objects: `test/gateway/grpc.test.ts` sees to it. */
function objectOf(value: unknown): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new InvalidInputError('The answer is no object, which gRPC cannot carry.', {
    hint: 'Ask over HTTP.'
  })
}

/** `google.rpc.Status` with one detail. */
export const statusMessage = (code: number, message: string, detail: object): Buffer => {
  const any = Buffer.concat([text(1, 'type.googleapis.com/google.protobuf.Struct'), structField(2, detail)])
  return Buffer.concat([
    Buffer.concat([varintOf(8), varintOf(code)]),
    text(2, message),
    Buffer.concat([varintOf(26), varintOf(any.length), any])
  ])
}
