/**
 * What the head of a GGUF file says of its model. The file comes from anywhere: each count and length is held to a limit
 * before it is followed, and what is not asked for is skipped, not kept.
 */

import { open } from 'node:fs/promises'
import { invalid } from '../../models/description.ts'
import { FileCursor } from './file-cursor.ts'
import { bytesOfTensor } from './tensor-types.ts'

const MAGIC = 0x46554747
const VERSIONS: readonly number[] = [2, 3]
/** Models have a few dozen. */
const ENTRIES_MAX = 4096
/** Those with hundreds of experts have tens of thousands. */
const TENSORS_MAX = 200_000
/** A vocabulary with its merges takes some 20 MB. */
const HEAD_BYTES_MAX = 64 * 1024 * 1024
const NAME_BYTES_MAX = 1024
/** A template of a chat is the longest text that is kept. */
const TEXT_BYTES_MAX = 1024 * 1024
/** Of a vocabulary, and of its merges. */
const ARRAY_ITEMS_MAX = 4_000_000
const DIMENSIONS_MAX = 4
const ALIGNMENT = 32
/** A page; llama.cpp takes powers of two. */
const ALIGNMENT_MAX = 65_536

/** Kinds of values, as they are numbered in the file: bytes of each; text and lists have none. */
const WIDTHS: readonly (number | undefined)[] = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8]
const TEXT = 8
const LIST = 9

export type GgufValue = number | string | boolean

export interface GgufHead {
  /** Texts and numbers, by their keys. */
  readonly values: ReadonlyMap<string, GgufValue>
  /** Lengths of lists, by their keys. */
  readonly lengths: ReadonlyMap<string, number>
  /** Numbers of all weights together. */
  readonly parameters: number
  /** Of the whole file. */
  readonly bytes: number
}

/** @throws {LumosError} `MODEL_INVALID`, saying what is wrong. */
export async function readGguf(path: string): Promise<GgufHead> {
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  const cursor = new FileCursor(file, Math.min(size, HEAD_BYTES_MAX), size)
  if ((await cursor.uint32()) !== MAGIC) throw invalid('it is no GGUF file: its first bytes are others')
  const version = await cursor.uint32()
  if (!VERSIONS.includes(version))
    throw invalid(`its version of GGUF is ${version}; ${VERSIONS.join(' and ')} are read`)
  const tensors = await cursor.count('tensors', TENSORS_MAX)
  const entries = await cursor.count('entries', ENTRIES_MAX)

  const values = new Map<string, GgufValue>()
  const lengths = new Map<string, number>()
  for (let n = 0; n < entries; n++) {
    const key = await cursor.text(NAME_BYTES_MAX)
    const type = await cursor.uint32()
    if (type === LIST) lengths.set(key, await skipList(cursor))
    else values.set(key, await readValue(cursor, type))
  }
  const { parameters, end } = await readTensors(cursor, tensors)
  const alignment = alignmentIn(values)
  const start = Math.ceil(cursor.position / alignment) * alignment
  if (end > 0 && start + end > size)
    throw invalid(`it is cut: ${size} of ${start + end} bytes are there; its download may not be complete`)
  return { values, lengths, parameters, bytes: size }
}

function alignmentIn(values: ReadonlyMap<string, GgufValue>): number {
  const stated = values.get('general.alignment') ?? ALIGNMENT
  if (typeof stated === 'number' && stated <= ALIGNMENT_MAX && Number.isInteger(Math.log2(stated)))
    return stated
  throw invalid(`its weights are aligned to ${String(stated).slice(0, 32)}, which is no power of two`)
}

async function readValue(cursor: FileCursor, type: number): Promise<GgufValue> {
  if (type === TEXT) return await cursor.text(TEXT_BYTES_MAX)
  const width = WIDTHS[type]
  if (width === undefined) throw invalid(`it has a value of the unknown kind ${type}`)
  return await cursor.number(type, width)
}

/** @returns how many items there were. */
async function skipList(cursor: FileCursor): Promise<number> {
  const type = await cursor.uint32()
  const items = await cursor.count('items of a list', ARRAY_ITEMS_MAX)
  const width = WIDTHS[type]
  if (width !== undefined) cursor.skip(items * width)
  else if (type === TEXT) for (let n = 0; n < items; n++) await cursor.skipText()
  else throw invalid(`it has a list of the unknown kind ${type}`)
  return items
}

/** @returns what the weights are together, and where the last of them ends after the head. */
async function readTensors(
  cursor: FileCursor,
  tensors: number
): Promise<{ parameters: number; end: number }> {
  let parameters = 0
  let end = 0
  for (let n = 0; n < tensors; n++) {
    await cursor.skipText()
    const dimensions = await cursor.uint32()
    if (dimensions > DIMENSIONS_MAX)
      throw invalid(`a tensor has ${dimensions} dimensions; the limit is ${DIMENSIONS_MAX}`)
    let elements = 1
    for (let axis = 0; axis < dimensions; axis++) elements *= await cursor.uint64()
    const type = await cursor.uint32()
    const offset = await cursor.uint64()
    if (!Number.isSafeInteger(elements)) throw invalid('a tensor is larger than any file')
    parameters += elements
    end = Math.max(end, offset + bytesOfTensor(type, elements))
  }
  return { parameters, end }
}
