/** DAG-CBOR to values, strictly; see `format.ts`. */

import { isUtf8 } from 'node:buffer'
import { ProtocolViolationError } from '../../../interface/errors.ts'
import { CONTROL_DEPTH_MAX } from '../limits.ts'
import { HEAD, LOOPED_TEXT, MAJOR } from './format.ts'

/** Texts shorter than this are mostly names, which come again. */
const NAME_TEXT = 24
/** A power of two, large enough for the names in all messages and of some models. */
const KNOWN_TEXTS = 512

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
  if (head === HEAD.false) return false
  if (head === HEAD.true) return true
  if (head === HEAD.null) return null
  if (head === HEAD.float64) {
    const value = input.readDoubleBE(advance(8))
    if (!Number.isFinite(value)) throw violation('holds NaN or an infinity')
    if (Number.isSafeInteger(value)) throw violation('has an integer as a float')
    return value
  }
  throw violation('holds a tag or a kind of value that is not allowed')
}
