/** Snapshots of documents: the state of Yjs, compressed before it is encrypted. */

import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { invalid } from './invalid.ts'
import { SNAPSHOT_BYTES_MAX } from './limits.ts'

/** The first level takes a third of the time of the usual one, and what repeats in a state repeats nearby. */
export const deflate = (state: Uint8Array): Uint8Array => deflateRawSync(state, { level: 1 })

/** @throws {LumosError} `MEMORY_INVALID` */
export function inflate(snapshot: Uint8Array): Uint8Array {
  try {
    return inflateRawSync(snapshot, { maxOutputLength: SNAPSHOT_BYTES_MAX })
  } catch (err) {
    throw invalid('is no snapshot of a document', err)
  }
}
