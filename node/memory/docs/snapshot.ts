/** Snapshots of documents: the state of Yjs, compressed before it is encrypted. */

import { deflateRawSync, inflateRawSync } from 'node:zlib'
import * as Y from 'yjs'
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

/**
 * What either has, without what either has removed. Both were opened before: they are states of documents.
 *
 * @throws {LumosError} `MEMORY_INVALID`: their writers' chains do not fit.
 */
export function joinSnapshots(one: Uint8Array, other: Uint8Array): Uint8Array {
  const doc = new Y.Doc({ guid: '' })
  try {
    Y.applyUpdate(doc, inflate(one))
    Y.applyUpdate(doc, inflate(other))
    return deflate(Y.encodeStateAsUpdate(doc))
  } catch (err) {
    throw invalid('does not join with another state', err)
  } finally {
    doc.destroy()
  }
}
