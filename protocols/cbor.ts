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
import { InvalidInputError, LumosError, ProtocolViolationError } from '../interface/errors.ts'
import { allocate } from './bytes.ts'
import { ATTACHMENTS_MAX, CONTROL_DEPTH_MAX, FRAME_BYTES_HARD_MAX } from './limits.ts'

const MAJOR = { uint: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5 } as const
const FALSE = 0xf4
const TRUE = 0xf5
const NULL = 0xf6
const FLOAT64 = 0xfb

/** Up to here a loop over characters beats a call out of JavaScript; most ids are 36 characters. */
const LOOPED_TEXT = 64
/** Texts shorter than this are mostly names, which come again. */
const NAME_TEXT = 24
/** A power of two, large enough for the names in all messages and of some models. */
const KNOWN_TEXTS = 512

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
      writeSimple(value ? TRUE : FALSE)
      break
    case 'object':
      if (value === null) writeSimple(NULL)
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
  const keys: string[] = []
  for (const key of Object.keys(value)) {
    if (value[key] === undefined) continue
    if (key === '__proto__') throw new InvalidInputError('"__proto__" cannot be a key.')
    keys.push(key)
  }
  if (!areSorted(keys)) keys.sort(compareKeys)
  writeHead(MAJOR.map, keys.length)
  for (const key of keys) {
    writeText(key)
    write(value[key], depth + 1, detached)
  }
}

/** Messages are made with their keys in order, and in ASCII; whatever else comes is sorted. */
function areSorted(keys: readonly string[]): boolean {
  let previous = ''
  for (const key of keys) {
    if (key.length < previous.length || (key.length === previous.length && key <= previous)) return false
    if (!isAscii(key)) return false
    previous = key
  }
  return true
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) return false
  return true
}

/** Shorter first, then byte by byte: the order DAG-CBOR asks for. */
function compareKeys(a: string, b: string): number {
  if (isAscii(a) && isAscii(b)) return a.length - b.length || (a < b ? -1 : 1)
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length - right.length || left.compare(right)
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
    throw new LumosError(
      'INPUT_TOO_LARGE',
      `A value for a peer takes more than ${FRAME_BYTES_HARD_MAX} bytes.`
    )
  }
}

const violation = (what: string): ProtocolViolationError =>
  new ProtocolViolationError(`A control body ${what}.`)

/** What is being read; decoding never waits, so one at a time is enough. */
let input: Buffer = Buffer.alloc(0)
let position = 0
/** What was detached from it, and how much of that has been put back. */
let attached: readonly Uint8Array[] | undefined
let attachedNext = 0

/**
 * @param values the binary values that were detached: each must be named once, in order.
 * @throws {ProtocolViolationError} unless `bytes` is exactly one value in its only encoding.
 */
export function decode(bytes: Uint8Array, values?: readonly Uint8Array[]): unknown {
  input = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  position = 0
  attached = values
  attachedNext = 0
  const value = read(0)
  if (position !== input.length) throw violation('goes on after its value')
  if (values !== undefined && attachedNext !== values.length) {
    throw violation('does not name all binary values that came with it')
  }
  return value
}

function read(depth: number): unknown {
  const head = nextByte()
  switch (head >> 5) {
    case MAJOR.uint:
      return readLength(head)
    case MAJOR.negative:
      return readNegative(head)
    case MAJOR.bytes:
      return attached === undefined ? readBytes(readLength(head)) : readAttached(head, attached)
    case MAJOR.text:
      return readText(readLength(head))
    case MAJOR.array:
      return readArray(readLength(head), depth)
    case MAJOR.map:
      return readMap(readLength(head), depth)
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

function readAttached(head: number, values: readonly Uint8Array[]): Uint8Array {
  const value = values[attachedNext]
  if (readLength(head) !== 1 || nextByte() !== attachedNext || value === undefined) {
    throw violation('names binary values that did not come, or not in order')
  }
  attachedNext++
  return value
}

function readText(length: number): string {
  const start = advance(length)
  const end = start + length
  if (length < NAME_TEXT) return readName(start, end)
  if (length <= LOOPED_TEXT && hasOnlyAscii(start, end)) return input.toString('latin1', start, end)
  if (!isUtf8(input.subarray(start, end))) throw violation('holds text that is not UTF-8')
  return input.toString('utf8', start, end)
}

/** Names come again in every body; to find the string of last time is cheaper than to make it anew. */
const known: string[] = new Array(KNOWN_TEXTS).fill('')

function readName(start: number, end: number): string {
  const length = end - start
  if (length === 0) return ''
  const slot = (length + 31 * input[start]! + 37 * input[end - 1]!) & (KNOWN_TEXTS - 1)
  const text = known[slot]!
  let same = text.length === length
  for (let i = 0; same && i < length; i++) same = text.charCodeAt(i) === input[start + i]
  if (same) return text

  if (hasOnlyAscii(start, end)) {
    const made = input.toString('latin1', start, end)
    known[slot] = made
    return made
  }
  if (!isUtf8(input.subarray(start, end))) throw violation('holds text that is not UTF-8')
  return input.toString('utf8', start, end)
}

function hasOnlyAscii(start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (input[i]! >= 0x80) return false
  return true
}

function readArray(count: number, depth: number): unknown[] {
  if (depth === CONTROL_DEPTH_MAX) throw violation(`is nested more than ${CONTROL_DEPTH_MAX} deep`)
  const items: unknown[] = []
  for (let i = 0; i < count; i++) items.push(read(depth + 1))
  return items
}

function readMap(count: number, depth: number): Record<string, unknown> {
  if (depth === CONTROL_DEPTH_MAX) throw violation(`is nested more than ${CONTROL_DEPTH_MAX} deep`)
  const map: Record<string, unknown> = {}
  let previousStart = 0
  let previousLength = -1
  for (let i = 0; i < count; i++) {
    const head = nextByte()
    if (head >> 5 !== MAJOR.text) throw violation('has a key that is no text')
    const length = readLength(head)
    const start = position
    const key = readText(length)
    if (length < previousLength || (length === previousLength && !isAfter(start, previousStart, length))) {
      throw violation('repeats a key or has them out of order')
    }
    // It would set what the object inherits instead of a member.
    if (key === '__proto__') throw violation('has "__proto__" as a key')
    previousStart = start
    previousLength = length
    map[key] = read(depth + 1)
  }
  return map
}

/** Whether the bytes at `start` come after those at `previous`, by the first in which they differ. */
function isAfter(start: number, previous: number, length: number): boolean {
  for (let i = 0; i < length; i++) {
    const difference = input[start + i]! - input[previous + i]!
    if (difference !== 0) return difference > 0
  }
  return false
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
