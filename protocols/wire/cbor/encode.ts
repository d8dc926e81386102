/** Values to DAG-CBOR; see `format.ts`. */

import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import { allocate } from '../bytes.ts'
import { ATTACHMENTS_MAX, CONTROL_DEPTH_MAX, FRAME_BYTES_HARD_MAX } from '../limits.ts'
import { HEAD, LOOPED_TEXT, MAJOR } from './format.ts'

/** Where every value is written before it is copied out. One more byte than a body may have tells a full one. */
const scratch = new Uint8Array(FRAME_BYTES_HARD_MAX + 1)
const view = new DataView(scratch.buffer)
let at = 0

/**
 * `undefined` members of objects are left out.
 *
 * @param detached collects the binary values; in the encoding, each is a byte string of one byte: its number.
 * @throws {InvalidInputError} when the value has no place in DAG-CBOR, is nested too deeply or too large.
 */
export function encode(value: unknown, detached?: Uint8Array[]): Uint8Array<ArrayBuffer> {
  at = 0
  write(value, 0, detached)
  const out = allocate(at)
  out.set(scratch.subarray(0, at))
  return out
}

function write(value: unknown, depth: number, detached: Uint8Array[] | undefined): void {
  switch (typeof value) {
    case 'string':
      writeText(value)
      break
    case 'number':
      writeNumber(value)
      break
    case 'boolean':
      writeSimple(value ? HEAD.true : HEAD.false)
      break
    case 'object':
      if (value === null) writeSimple(HEAD.null)
      else writeObject(value, depth, detached)
      break
    default:
      throw new InvalidInputError(`A ${typeof value} cannot be sent to a peer.`)
  }
}

function writeSimple(byte: number): void {
  reserve(1)
  scratch[at++] = byte
}

function writeObject(value: object, depth: number, detached: Uint8Array[] | undefined): void {
  if (value instanceof Uint8Array) {
    if (detached === undefined) writeBytes(value)
    else detach(value, detached)
  } else if (depth === CONTROL_DEPTH_MAX) {
    throw new InvalidInputError(`A value for a peer is nested more than ${CONTROL_DEPTH_MAX} deep.`)
  } else if (Array.isArray(value)) {
    writeHead(MAJOR.array, value.length)
    for (const item of value) write(item, depth + 1, detached)
  } else {
    writeMap(value as Record<string, unknown>, depth, detached)
  }
}

function writeMap(value: Record<string, unknown>, depth: number, detached: Uint8Array[] | undefined): void {
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new InvalidInputError('Only plain objects can be sent to a peer.')
  }
  // Messages are made with their keys in order: then no list of them has to be made.
  let count = 0
  let previous = ''
  let sorted = true
  for (const key in value) {
    if (value[key] === undefined) continue
    if (key === '__proto__') throw new InvalidInputError('"__proto__" cannot be a key.')
    sorted = sorted && (count === 0 || compareKeys(previous, key) < 0)
    previous = key
    count++
  }
  writeHead(MAJOR.map, count)
  if (sorted) {
    for (const key in value) if (value[key] !== undefined) writeMember(key, value[key], depth, detached)
  } else {
    for (const key of sortedKeys(value)) writeMember(key, value[key], depth, detached)
  }
}

function writeMember(key: string, value: unknown, depth: number, detached: Uint8Array[] | undefined): void {
  writeText(key)
  write(value, depth + 1, detached)
}

/** Above this, sorting by insertion takes longer than the array's own. */
const INSERTED_KEYS_MAX = 16

/** By insertion, in place: most objects have a handful of members. */
function sortedKeys(value: Record<string, unknown>): string[] {
  const keys: string[] = []
  for (const key in value) if (value[key] !== undefined) keys.push(key)
  if (keys.length > INSERTED_KEYS_MAX) return keys.sort(compareKeys)
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i]!
    let place = i
    for (; place > 0 && compareKeys(keys[place - 1]!, key) > 0; place--) keys[place] = keys[place - 1]!
    keys[place] = key
  }
  return keys
}

/** Shorter first, then byte by byte: the order DAG-CBOR asks for. */
function compareKeys(a: string, b: string): number {
  if (isAscii(a) && isAscii(b)) return a.length - b.length || (a < b ? -1 : 1)
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length - right.length || left.compare(right)
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

function writeText(text: string): void {
  if (text.length > LOOPED_TEXT) {
    writeLongText(text)
    return
  }
  const start = at
  writeHead(MAJOR.text, text.length)
  reserve(text.length)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code >= 0x80) {
      at = start
      writeLongText(text)
      return
    }
    scratch[at++] = code
  }
}

function writeLongText(text: string): void {
  if (!text.isWellFormed())
    throw new InvalidInputError('A text with half a character cannot be sent to a peer.')
  const length = Buffer.byteLength(text)
  writeHead(MAJOR.text, length)
  reserve(length)
  at += Buffer.prototype.utf8Write.call(scratch, text, at, length)
}

function writeBytes(bytes: Uint8Array): void {
  writeHead(MAJOR.bytes, bytes.byteLength)
  reserve(bytes.byteLength)
  scratch.set(bytes, at)
  at += bytes.byteLength
}

function detach(bytes: Uint8Array, detached: Uint8Array[]): void {
  if (detached.length === ATTACHMENTS_MAX) {
    throw new InvalidInputError(`More than ${ATTACHMENTS_MAX} binary values in one message.`)
  }
  writeHead(MAJOR.bytes, 1)
  scratch[at++] = detached.push(bytes) - 1
}

function writeNumber(value: number): void {
  if (Number.isSafeInteger(value)) {
    if (value >= 0) writeHead(MAJOR.uint, value)
    else writeHead(MAJOR.negative, -1 - value)
    return
  }
  if (!Number.isFinite(value)) throw new InvalidInputError(`${value} cannot be sent to a peer.`)
  reserve(9)
  scratch[at++] = HEAD.float64
  view.setFloat64(at, value)
  at += 8
}

function writeHead(major: number, value: number): void {
  reserve(9)
  const type = major << 5
  if (value < 24) {
    scratch[at++] = type | value
  } else if (value < 0x100) {
    scratch[at++] = type | 24
    scratch[at++] = value
  } else if (value < 0x1_0000) {
    scratch[at++] = type | 25
    view.setUint16(at, value)
    at += 2
  } else if (value < 0x1_0000_0000) {
    scratch[at++] = type | 26
    view.setUint32(at, value)
    at += 4
  } else {
    scratch[at++] = type | 27
    view.setUint32(at, Math.floor(value / 0x1_0000_0000))
    view.setUint32(at + 4, value % 0x1_0000_0000)
    at += 8
  }
}

function reserve(bytes: number): void {
  if (at + bytes > FRAME_BYTES_HARD_MAX) {
    throw new LumosError(
      'INPUT_TOO_LARGE',
      `A value for a peer takes more than ${FRAME_BYTES_HARD_MAX} bytes.`
    )
  }
}
