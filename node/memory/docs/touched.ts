/**
 * Keys and ids that an update has written, by its bytes alone: the history names them, and opens no document. A slot that its
 * writer only took back has no name there. Notes and raw documents have no keys.
 */

import type { DocKind } from '../../../interface/memory.ts'
import { UpdateReader } from './bytes.ts'
import { KEYS_NAMED_MAX } from './limits.ts'
import { HAS_ORIGIN } from './scan.ts'

/** Where a slot of each kind has its key, in the list that it is. */
const KEY_AT: Partial<Record<DocKind, number>> = { facts: 1, journal: 1, thread: 1, tasks: 2 }

/** The first {@link KEYS_NAMED_MAX}; of an update that does not count, for it has another form, those up to there. */
export function keysIn(kind: DocKind, update: Uint8Array): string[] {
  const at = KEY_AT[kind]
  const keys = new Set<string>()
  if (at === undefined) return []
  try {
    const input = new UpdateReader(update)
    let left = input.uint() === 0 ? 0 : input.count('structs')
    if (left > 0) {
      input.uint()
      input.uint()
    }
    for (; left > 0 && keys.size < KEYS_NAMED_MAX; left--) {
      if (input.byte() >= HAS_ORIGIN) {
        input.uint()
        input.uint()
      } else {
        input.uint()
        input.text()
      }
      keys.add(textAt(input.bytes(), at))
    }
  } catch {
    // What follows is not read by anything else either.
  }
  return [...keys]
}

/** Bytes that the argument of a CBOR head takes, by its low five bits. */
const ARGUMENT_BYTES: Readonly<Record<number, number>> = { 24: 1, 25: 2, 26: 4 }
const UINT_64 = 27
const TEXT = 3

/** One text of a list of CBOR, after numbers and texts. A whole value may be large, and is not asked for. */
function textAt(slot: Uint8Array, index: number): string {
  const bytes = Buffer.from(slot.buffer, slot.byteOffset, slot.byteLength)
  let at = 1
  for (let i = 0; ; i++) {
    const head = bytes[at++]
    if (head === undefined) throw new Error('The slot ends too early.')
    const low = head & 0x1f
    const size = low === UINT_64 ? 8 : (ARGUMENT_BYTES[low] ?? 0)
    const value = size === 0 ? low : size === 8 ? 0 : bytes.readUIntBE(at, size)
    at += size
    const isText = head >> 5 === TEXT
    if (i === index) return isText ? bytes.toString('utf8', at, at + value) : ''
    if (isText) at += value
  }
}
