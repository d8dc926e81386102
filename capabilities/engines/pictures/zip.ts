/**
 * The files in a ZIP archive, as `numpy.savez` writes it: stored, or deflated. The archive comes from anywhere, so each
 * length in it is held against the bytes that are there, before memory is taken for it.
 */

import { crc32, inflateRawSync } from 'node:zlib'
import { LumosError } from '../../../interface/errors.ts'

/** Arrays of one label set are two or three. */
const ENTRIES_MAX = 64
/** All of an archive, inflated: a million vectors of 256 full numbers. */
const INFLATED_BYTES_MAX = 1024 * 1024 * 1024
/** Vectors deflate to nine tenths, and labels, four bytes for each character, to a fiftieth at the least. */
const RATIO_MAX = 100
/** A small array of equal numbers deflates to nearly nothing, and costs little. */
const UNCHECKED_RATIO_BYTES = 1024 * 1024

const END = { mark: 0x06054b50, bytes: 22, commentMax: 0xffff }
const CENTRAL = { mark: 0x02014b50, bytes: 46 }
const LOCAL = { mark: 0x04034b50, bytes: 30 }
const STORED = 0
const DEFLATED = 8
const ENCRYPTED = 1
/** Stands for a length that does not fit, and is in an extension. */
const LONG = 0xffff_ffff

export interface ZipEntry {
  readonly name: string
  /** Its bytes, checked against length and checksum. */
  read(): Uint8Array
}

interface Place {
  readonly name: string
  readonly method: number
  readonly checksum: number
  readonly from: number
  readonly to: number
  readonly inflated: number
}

/** @throws {LumosError} `MODEL_INVALID`, saying what is wrong. */
export function entriesOf(archive: Buffer): ZipEntry[] {
  const { count, start, end } = directoryOf(archive)
  const places: Place[] = []
  let at = start
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL.bytes > end || archive.readUInt32LE(at) !== CENTRAL.mark) throw broken('its list is cut')
    const next = at + CENTRAL.bytes + lengthsAt(archive, at + 28, 3)
    if (next > end) throw broken('its list is cut')
    places.push(placeOf(archive, at, start))
    at = next
  }
  checkPlaces(places)
  return places.map(place => ({ name: place.name, read: () => contentOf(archive, place) }))
}

/** The list of files, which lies at the end. */
function directoryOf(archive: Buffer): { count: number; start: number; end: number } {
  const first = Math.max(0, archive.length - END.bytes - END.commentMax)
  for (let at = archive.length - END.bytes; at >= first; at--) {
    if (archive.readUInt32LE(at) !== END.mark) continue
    const count = archive.readUInt16LE(at + 10)
    const start = archive.readUInt32LE(at + 16)
    const end = start + archive.readUInt32LE(at + 12)
    if (count > ENTRIES_MAX) throw broken(`it holds ${count} files; the limit is ${ENTRIES_MAX}`)
    if (end > at) throw broken('its list is said to lie beyond its end')
    return { count, start, end }
  }
  throw broken('it is no ZIP archive, or cut')
}

function placeOf(archive: Buffer, at: number, listStart: number): Place {
  const flags = archive.readUInt16LE(at + 8)
  const method = archive.readUInt16LE(at + 10)
  const deflated = archive.readUInt32LE(at + 20)
  const inflated = archive.readUInt32LE(at + 24)
  const local = archive.readUInt32LE(at + 42)
  const nameLength = archive.readUInt16LE(at + 28)
  const name = archive.toString('utf8', at + CENTRAL.bytes, at + CENTRAL.bytes + nameLength)
  if (flags & ENCRYPTED) throw broken('it is encrypted')
  if (method !== STORED && method !== DEFLATED) throw broken(`it is packed in an unknown way, ${method}`)
  if ([deflated, inflated, local].includes(LONG)) throw broken('a file in it is larger than 4 GiB')
  if (local + LOCAL.bytes > listStart || archive.readUInt32LE(local) !== LOCAL.mark) {
    throw broken('a file in it is not where its list says')
  }
  const from = local + LOCAL.bytes + lengthsAt(archive, local + 26, 2)
  const to = from + deflated
  if (to > listStart) throw broken('a file in it is longer than the archive')
  if (method === STORED && deflated !== inflated) throw broken('a stored file in it has two lengths')
  return { name, method, checksum: archive.readUInt32LE(at + 16), from, to, inflated }
}

/** Against archives that grow when they are unpacked: files that share bytes, and bytes that say nothing. */
function checkPlaces(places: readonly Place[]): void {
  let before = 0
  let total = 0
  for (const { from, to, inflated } of places.toSorted((a, b) => a.from - b.from)) {
    if (from < before) throw broken('files in it share bytes')
    if (inflated > UNCHECKED_RATIO_BYTES && inflated > (to - from) * RATIO_MAX) {
      throw broken(`a file in it grows more than ${RATIO_MAX} times`)
    }
    before = to
    total += inflated
  }
  if (total > INFLATED_BYTES_MAX) throw broken(`it holds more than ${INFLATED_BYTES_MAX} bytes`)
}

function contentOf(archive: Buffer, { name, method, checksum, from, to, inflated }: Place): Uint8Array {
  const bytes = archive.subarray(from, to)
  const content = method === STORED ? bytes : inflatedOf(bytes, inflated)
  if (content.length !== inflated || crc32(content) !== checksum) throw broken(`${name} in it is damaged`)
  return content
}

function inflatedOf(bytes: Uint8Array, length: number): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: Math.max(1, length) })
  } catch {
    throw broken('a file in it does not unpack to the length that it states')
  }
}

/** The sum of so many lengths of two bytes each. */
function lengthsAt(archive: Buffer, at: number, count: number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += archive.readUInt16LE(at + 2 * i)
  return sum
}

const broken = (what: string): LumosError => new LumosError('MODEL_INVALID', `The label set: ${what}.`)
