/**
 * Texts of any size as facts: each goes by its hash, in parts that fit an envelope. A text is read whole or not at all: a
 * part that is not there, or is another than what was written, leaves none.
 */

import { createHash } from 'node:crypto'
import type { Change } from './memory-client.ts'

/** JSON of a text of quotes is twice as long, and one part must fit one write. */
const PART_BYTES = 96 * 1024
/** 96 MiB: more than a writer may have in one document. */
const PARTS_MAX = 1024

/** SHA-256 of the text, and how many parts it has. */
export type BlobRef = readonly [hash: string, parts: number]

export const isBlobRef = (value: unknown): value is BlobRef =>
  Array.isArray(value) &&
  value.length === 2 &&
  typeof value[0] === 'string' &&
  Number.isInteger(value[1]) &&
  value[1] > 0 &&
  value[1] <= PARTS_MAX

/** @param prefix of the keys: whose text it is. */
export function blobOf(prefix: string, text: string): { ref: BlobRef; changes: Change[] } {
  const parts = partsOf(Buffer.from(text))
  const ref = [hashOf(text), parts.length] as const
  return {
    ref,
    changes: keysOf(prefix, ref).map((key, i) => ({ type: 'set', key, value: parts[i] }))
  }
}

/** @returns undefined where a part is missing or wrong. */
export async function readBlob(
  prefix: string,
  ref: BlobRef,
  get: (key: string) => Promise<unknown>
): Promise<string | undefined> {
  const parts = await Promise.all(keysOf(prefix, ref).map(get))
  const text = parts.join('')
  return hashOf(text) === ref[0] ? text : undefined
}

const keysOf = (prefix: string, [hash, parts]: BlobRef): string[] =>
  Array.from({ length: parts }, (_, i) => `${prefix}.${hash}.${i}`)

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Cut where a character ends. */
function partsOf(bytes: Buffer): string[] {
  const parts: string[] = []
  for (let at = 0; at < bytes.length || parts.length === 0; ) {
    let end = Math.min(at + PART_BYTES, bytes.length)
    while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end -= 1
    parts.push(bytes.toString('utf8', at, end))
    at = end
  }
  return parts
}
