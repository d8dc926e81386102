/** Content for a store of weights. */

import { createHash } from 'node:crypto'
import { LEAF_BYTES } from '../../../interface/limits.ts'

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
export const hex = (bytes: Uint8Array): string => sha256(bytes).toString('hex')

/** Different in each leaf, and the same for the same seed. */
export function content(bytes: number, seed = 1): Uint8Array {
  const all = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at += LEAF_BYTES) {
    all.fill((seed + at / LEAF_BYTES) & 0xff, at, at + LEAF_BYTES)
    all[at] = seed
  }
  return all
}

export const leafOf = (bytes: Uint8Array, leaf: number): Uint8Array =>
  bytes.subarray(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES)

export const ENVELOPE = new Uint8Array([1, 2, 3])
