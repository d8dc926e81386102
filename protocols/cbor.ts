/**
 * DAG-CBOR for control bodies: one value, one encoding.
 *
 * Written here rather than taken from a library because every call of the mesh
 * passes through it four times, and because what a peer sends must be bounded
 * while it is read: depth, no repeated or unsorted keys, no indefinite lengths,
 * no padding of integers, no tags. What this decodes, `@ipld/dag-cbor` decodes to
 * the same value, and both encode alike; a property test says so.
 */

import { isUtf8 } from 'node:buffer'
import { InvalidInputError, ProtocolViolationError } from '../interface/errors.ts'
import { CONTROL_DEPTH_MAX, FRAME_BYTES_HARD_MAX } from './limits.ts'

/** Called with each byte string found; what it returns takes its place. */
export type BytesHook = (bytes: Uint8Array) => Uint8Array

const MAJOR = { uint: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5 } as const
const FALSE = 0xf4
const TRUE = 0xf5
const NULL = 0xf6
const FLOAT64 = 0xfb

/** Below this a loop over characters beats a call out of JavaScript. */
const SHORT_TEXT = 24
/** Up to here ASCII is looked for by a loop; most ids are 36 characters. */
const LOOPED_TEXT = 64
/** A power of two, large enough for the names of all messages and of some models. */
const KNOWN_TEXTS = 512

/** Where every value is written before it is copied out. One more byte than a body may have tells a full one. */
const scratch = Buffer.allocUnsafeSlow(FRAME_BYTES_HARD_MAX + 1)
const view = new DataView(scratch.buffer, scratch.byteOffset, scratch.byteLength)
let at = 0

/**
 * `undefined` members of objects are left out.
 *
 * @throws {InvalidInputError} when the value has no place in DAG-CBOR, is nested too deeply or too large.
 */
export function encode(value: unknown, onBytes?: BytesHook): Uint8Array<ArrayBuffer> {
  at = 0
  write(value, 0, onBytes)
  const out = new Uint8Array(at)
  out.set(scratch.subarray(0, at))
  return out
}

function write(value: unknown, depth: number, onBytes: BytesHook | undefined): void {
  switch (typeof value) {
    case 'string':
      writeText(value)
      break
    case 'number':
      writeNumber(value)
      break
    case 'boolean':
      writeSimple(value ? TRUE : FALSE)
      break
    case 'object':
      if (value === null) writeSimple(NULL)
      else writeObject(value, depth, onBytes)
      break
    default:
      throw new InvalidInputError(`A ${typeof value} cannot be sent to a peer.`)
  }
}

function writeSimple(byte: number): void {
  reserve(1)
  scratch[at++] = byte
}

function writeObject(value: object, depth: number, onBytes: BytesHook | undefined): void {
  if (value instanceof Uint8Array) {
    writeBytes(onBytes === undefined ? value : onBytes(value))
  } else if (depth === CONTROL_DEPTH_MAX) {
    throw new InvalidInputError(`A value for a peer is nested more than ${CONTROL_DEPTH_MAX} deep.`)
  } else if (Array.isArray(value)) {
    writeHead(MAJOR.array, value.length)
    for (const item of value) write(item, depth + 1, onBytes)
  } else {
    writeMap(value as Record<string, unknown>, depth, onBytes)
  }
}

function writeMap(value: Record<string, unknown>, depth: number, onBytes: BytesHook | undefined): void {
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new InvalidInputError('Only plain objects can be sent to a peer.')
  }
  const keys: string[] = []
  let sorted = true
  for (const key of Object.keys(value)) {
    if (value[key] === undefined) continue
    if (key === '__proto__') throw new InvalidInputError('"__proto__" cannot be a key.')
    if (keys.length > 0 && sorted) sorted = compareKeys(keys[keys.length - 1]!, key) < 0
    keys.push(key)
  }
  if (!sorted) keys.sort(compareKeys)
  writeHead(MAJOR.map, keys.length)
  for (const key of keys) {
    writeText(key)
    write(value[key], depth + 1, onBytes)
  }
}

/** Shorter first, then byte by byte: the order DAG-CBOR asks for. */
function compareKeys(a: string, b: string): number {
  if (isAscii(a) && isAscii(b)) return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0)
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length - right.length || left.compare(right)
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

function writeText(text: string): void {
  if (text.length < SHORT_TEXT) {
    reserve(1 + text.length)
    const start = at
    scratch[at++] = (MAJOR.text << 5) | text.length
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code >= 0x80) {
        at = start
        writeLongText(text)
        return
      }
      scratch[at++] = code
    }
    return
  }
  writeLongText(text)
}

function writeLongText(text: string): void {
  if (!text.isWellFormed())
    throw new InvalidInputError('A text with half a character cannot be sent to a peer.')
  const length = Buffer.byteLength(text)
  writeHead(MAJOR.text, length)
  reserve(length)
  at += scratch.write(text, at, length)
}

function writeBytes(bytes: Uint8Array): void {
  writeHead(MAJOR.bytes, bytes.byteLength)
  reserve(bytes.byteLength)
  scratch.set(bytes, at)
  at += bytes.byteLength
}

function writeNumber(value: number): void {
  if (Number.isSafeInteger(value)) {
    if (value >= 0) writeHead(MAJOR.uint, value)
    else writeHead(MAJOR.negative, -1 - value)
    return
  }
  if (!Number.isFinite(value)) throw new InvalidInputError(`${value} cannot be sent to a peer.`)
  reserve(9)
  scratch[at++] = FLOAT64
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
    throw new InvalidInputError(`A value for a peer takes more than ${FRAME_BYTES_HARD_MAX} bytes.`)
  }
}

const violation = (what: string): ProtocolViolationError =>
  new ProtocolViolationError(`A control body ${what}.`)

/** What is being read; decoding never waits, so one at a time is enough. */
let input: Buffer = Buffer.alloc(0)
let position = 0

/** @throws {ProtocolViolationError} unless `bytes` is exactly one value in its only encoding. */
export function decode(bytes: Uint8Array, onBytes?: BytesHook): unknown {
  input = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  position = 0
  const value = read(0, onBytes)
  if (position !== input.length) throw violation('goes on after its value')
  return value
}

function read(depth: number, onBytes: BytesHook | undefined): unknown {
  const head = nextByte()
  const major = head >> 5
  switch (major) {
    case MAJOR.uint:
      return readLength(head)
    case MAJOR.negative:
      return readNegative(head)
    case MAJOR.bytes: {
      const bytes = readBytes(readLength(head))
      return onBytes === undefined ? bytes : onBytes(bytes)
    }
    case MAJOR.text:
      return readText(readLength(head))
    case MAJOR.array:
      return readArray(readLength(head), depth, onBytes)
    case MAJOR.map:
      return readMap(readLength(head), depth, onBytes)
    default:
      return readSimple(head)
  }
}

function nextByte(): number {
  const byte = input[position++]
  if (byte === undefined) throw violation('ends too early')
  return byte
}

/** The number in a head: a length, a count or an unsigned integer. */
function readLength(head: number): number {
  const info = head & 0x1f
  if (info < 24) return info
  let value: number
  let least: number
  if (info === 24) {
    value = nextByte()
    least = 24
  } else if (info === 25) {
    value = input.readUInt16BE(advance(2))
    least = 0x100
  } else if (info === 26) {
    value = input.readUInt32BE(advance(4))
    least = 0x1_0000
  } else if (info === 27) {
    const start = advance(8)
    value = input.readUInt32BE(start) * 0x1_0000_0000 + input.readUInt32BE(start + 4)
    least = 0x1_0000_0000
    if (!Number.isSafeInteger(value)) throw violation('holds an integer beyond 2^53')
  } else {
    throw violation('has an indefinite length')
  }
  if (value < least) throw violation('pads a number')
  return value
}

function readNegative(head: number): number {
  const value = -1 - readLength(head)
  if (!Number.isSafeInteger(value)) throw violation('holds an integer beyond 2^53')
  return value
}

/** Step over `bytes` bytes and return where they start. */
function advance(bytes: number): number {
  const start = position
  if (bytes > input.length - start) throw violation('ends too early')
  position = start + bytes
  return start
}

function readBytes(length: number): Uint8Array {
  const start = advance(length)
  return new Uint8Array(input.buffer, input.byteOffset + start, length)
}

function readText(length: number): string {
  const start = advance(length)
  const end = start + length
  if (length > LOOPED_TEXT) {
    if (!isUtf8(input.subarray(start, end))) throw violation('holds text that is not UTF-8')
    return input.toString('utf8', start, end)
  }
  let hash = length
  for (let i = start; i < end; i++) {
    const byte = input[i]!
    if (byte >= 0x80) {
      if (!isUtf8(input.subarray(start, end))) throw violation('holds text that is not UTF-8')
      return input.toString('utf8', start, end)
    }
    hash = (hash * 31 + byte) | 0
  }
  return length < SHORT_TEXT ? knownText(hash, start, end) : input.toString('latin1', start, end)
}

/** Names come again in every body; finding the string of last time is cheaper than making it anew. */
const known: string[] = new Array(KNOWN_TEXTS).fill('')

function knownText(hash: number, start: number, end: number): string {
  const slot = hash & (KNOWN_TEXTS - 1)
  const text = known[slot]!
  let same = text.length === end - start
  for (let i = 0; same && i < text.length; i++) same = text.charCodeAt(i) === input[start + i]
  if (same) return text
  const made = input.toString('latin1', start, end)
  known[slot] = made
  return made
}

function readArray(count: number, depth: number, onBytes: BytesHook | undefined): unknown[] {
  if (depth === CONTROL_DEPTH_MAX) throw violation(`is nested more than ${CONTROL_DEPTH_MAX} deep`)
  const items: unknown[] = []
  for (let i = 0; i < count; i++) items.push(read(depth + 1, onBytes))
  return items
}

function readMap(count: number, depth: number, onBytes: BytesHook | undefined): Record<string, unknown> {
  if (depth === CONTROL_DEPTH_MAX) throw violation(`is nested more than ${CONTROL_DEPTH_MAX} deep`)
  const map: Record<string, unknown> = {}
  let previous: string | undefined
  for (let i = 0; i < count; i++) {
    const head = nextByte()
    if (head >> 5 !== MAJOR.text) throw violation('has a key that is no text')
    const key = readText(readLength(head))
    if (previous !== undefined && compareKeys(previous, key) >= 0) {
      throw violation('repeats a key or has them out of order')
    }
    // It would set what the object inherits instead of a member.
    if (key === '__proto__') throw violation('has "__proto__" as a key')
    previous = key
    map[key] = read(depth + 1, onBytes)
  }
  return map
}

function readSimple(head: number): unknown {
  if (head === FALSE) return false
  if (head === TRUE) return true
  if (head === NULL) return null
  if (head === FLOAT64) {
    const value = input.readDoubleBE(advance(8))
    if (!Number.isFinite(value)) throw violation('holds NaN or an infinity')
    if (Number.isSafeInteger(value)) throw violation('has an integer as a float')
    return value
  }
  throw violation('holds a tag or a kind of value that is not allowed')
}
