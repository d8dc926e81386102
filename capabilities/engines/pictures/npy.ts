/** One array as NumPy writes it: vectors of sixteen or 32 bits, whole numbers, or texts. Never a pickled object. */

import { LumosError } from '../../../interface/errors.ts'

const MAGIC = '\x93NUMPY'
/** NumPy itself writes some 128 bytes. */
const HEADER_BYTES_MAX = 4096
const DIMENSIONS_MAX = 4
/** Of one text: the longest of an array decides for all. */
const TEXT_CHARS_MAX = 1000
/** The form in which NumPy writes it; what reads Python elsewhere runs it. */
const HEADER =
  /^\{'descr': '([^']{1,16})', 'fortran_order': (True|False), 'shape': \(([\d, ]{0,64})\),? ?\}\s*$/
const CODE_POINT_BYTES = 4
/** Each becomes a value of its own. The label sets of all species hold some hundred thousands. */
const LABELS_MAX = 1_000_000

export interface NpyArray {
  readonly shape: readonly number[]
  /** One after the other, the last dimension first. */
  readonly values: Float32Array | readonly string[]
}

/** @throws {LumosError} `MODEL_INVALID`, saying what is wrong. */
export function arrayOf(file: Uint8Array): NpyArray {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  const { type, shape, start } = headerOf(bytes)
  const count = shape.reduce((product, size) => product * size, 1)
  const read = readerOf(type)
  if (read.isListed && count > LABELS_MAX) throw broken(`${count} labels; the limit is ${LABELS_MAX}`)
  if (!Number.isSafeInteger(count) || start + count * read.size !== bytes.length) {
    throw broken(`an array of ${shape.join(' × ')} is said to lie in ${bytes.length - start} bytes`)
  }
  return { shape, values: read.values(bytes.subarray(start), count) }
}

function headerOf(bytes: Buffer): { type: string; shape: number[]; start: number } {
  if (bytes.length < 12 || bytes.toString('latin1', 0, 6) !== MAGIC) throw broken('a file in it is no array')
  const isShort = bytes[6] === 1
  const from = isShort ? 10 : 12
  const length = isShort ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8)
  if (length > HEADER_BYTES_MAX || from + length > bytes.length) throw broken('the head of an array is cut')
  const parts = HEADER.exec(bytes.toString('latin1', from, from + length))
  if (parts === null) throw broken('the head of an array cannot be read')
  const [, type, isFortran, sizes] = parts
  const shape = sizes!
    .split(',')
    .map(size => size.trim())
    .filter(size => size !== '')
    .map(Number)
  if (isFortran === 'True')
    throw broken('an array is stored by columns; save it with numpy.ascontiguousarray')
  if (shape.length > DIMENSIONS_MAX || !shape.every(Number.isSafeInteger))
    throw broken('an array has no shape')
  return { type: type!, shape, start: from + length }
}

interface Reader {
  /** Bytes of an element. */
  readonly size: number
  /** Whether each becomes a text. */
  readonly isListed?: true
  values(bytes: Buffer, count: number): Float32Array | readonly string[]
}

function readerOf(type: string): Reader {
  if (type === '<f4') {
    return { size: 4, values: bytes => new Float32Array(aligned(bytes)) }
  }
  if (type === '<f2') {
    return { size: 2, values: halves }
  }
  if (type === '<i8') {
    return { size: 8, isListed: true, values: bytes => Array.from(new BigInt64Array(aligned(bytes)), String) }
  }
  const chars = Number(/^<U(\d{1,7})$/.exec(type)?.[1] ?? 0)
  if (chars < 1) {
    throw broken(`an array is of type ${type}; float32, float16, int64 and texts are read, and no objects`)
  }
  if (chars > TEXT_CHARS_MAX) {
    throw broken(`texts of ${chars} characters; the limit is ${TEXT_CHARS_MAX}`)
  }
  const size = chars * CODE_POINT_BYTES
  return {
    size,
    isListed: true,
    values: (bytes, count) => Array.from({ length: count }, (_, at) => textAt(bytes, at * size, size))
  }
}

/** An array of an archive begins anywhere, and typed views need their alignment. */
const aligned = (bytes: Buffer): ArrayBuffer => Uint8Array.from(bytes).buffer

/** Not by a Float16Array: the process of an engine has none. */
function halves(bytes: Buffer, count: number): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const numbers = new Float32Array(count)
  for (let at = 0; at < count; at++) numbers[at] = view.getFloat16(at * 2, true)
  return numbers
}

/** Filled up with zeros. */
function textAt(bytes: Buffer, from: number, size: number): string {
  let text = ''
  for (let at = from; at < from + size; at += CODE_POINT_BYTES) {
    const point = bytes.readUInt32LE(at)
    if (point === 0) break
    if (point > 0x10ffff) throw broken('a text has a character that there is not')
    text += String.fromCodePoint(point)
  }
  return text
}

const broken = (what: string): LumosError => new LumosError('MODEL_INVALID', `The label set: ${what}.`)
