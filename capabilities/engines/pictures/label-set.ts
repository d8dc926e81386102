/** A label set: an `.npz` archive with one array of vectors, and one of as many labels, whatever the two are called. */

import { readFile, stat } from 'node:fs/promises'
import { LumosError } from '../../../interface/errors.ts'
import { ANSWERED_LABEL_CHARS_MAX } from '../../../interface/limits.ts'
import { unreadable } from '../model-files.ts'
import { normalized } from '../vectors.ts'
import { arrayOf } from './npy.ts'
import { entriesOf } from './zip.ts'

const FILE_BYTES_MAX = 512 * 1024 * 1024

export interface LabelSet {
  readonly labels: readonly string[]
  readonly dimensions: number
  /** One for each label, one after the other, each of length 1. */
  readonly vectors: Float32Array
}

/** @throws {LumosError} `MODEL_INVALID`, saying what is wrong. */
export async function readLabelSet(file: string): Promise<LabelSet> {
  const { size } = await stat(file).catch(unreadable)
  if (size > FILE_BYTES_MAX) throw broken(`its file has ${size} bytes; the limit is ${FILE_BYTES_MAX}`)
  return labelSetOf(await readFile(file).catch(unreadable))
}

export function labelSetOf(archive: Buffer): LabelSet {
  const arrays = entriesOf(archive)
    .filter(({ name }) => name.endsWith('.npy'))
    .map(entry => arrayOf(entry.read()))
  const [labels, ...moreLabels] = arrays.filter(
    ({ shape, values }) => shape.length === 1 && !(values instanceof Float32Array)
  )
  const [vectors, ...moreVectors] = arrays.filter(
    ({ shape, values }) => shape.length === 2 && values instanceof Float32Array
  )
  if (labels === undefined || vectors === undefined || moreLabels.length + moreVectors.length > 0) {
    throw broken('it needs one array of labels and one of vectors')
  }
  const [count, dimensions] = vectors.shape as [number, number]
  if (count !== labels.shape[0]) throw broken(`it has ${count} vectors for ${labels.shape[0]} labels`)
  if (count < 1 || dimensions < 1) throw broken('it is empty')
  const names = labels.values as readonly string[]
  if (names.some(({ length }) => length > ANSWERED_LABEL_CHARS_MAX)) {
    throw broken(`it has a label of more than ${ANSWERED_LABEL_CHARS_MAX} characters`)
  }
  const all = vectors.values as Float32Array
  for (let at = 0; at < all.length; at += dimensions) {
    all.set(normalized(all.subarray(at, at + dimensions)), at)
  }
  if (!all.every(Number.isFinite)) throw broken('a vector has a value that is no number')
  return { labels: names, dimensions, vectors: all }
}

const broken = (what: string): LumosError => new LumosError('MODEL_INVALID', `The label set: ${what}.`)
