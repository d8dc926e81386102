/** A document that is in memory, and what of the log goes into it. */

import { LumosError } from '../../../interface/errors.ts'
import type { DocKind } from '../../../interface/memory.ts'
import type { DocModel } from '../types.ts'
import { endOf } from './rights.ts'
import type { Space, Writer } from './space.ts'

/** Opening a document applies so much again at most, or as much as its snapshot is long. */
export const TAIL_BYTES = 256 * 1024
export const ROW_BYTES = 256
/** In these no writer touches what another one wrote: what does not count can be left out. */
const APART: ReadonlySet<DocKind> = new Set(['facts', 'journal', 'thread', 'tasks'])

export interface OpenDocument {
  readonly space: Space
  readonly tag: Uint8Array
  /** A {@link DocRef}. */
  readonly name: string
  readonly kind: DocKind
  readonly model: DocModel
  /** The last envelope in it. */
  upto: number
  snapshotBytes: number
  /** Of envelopes since the snapshot on disk. */
  tailBytes: number
  /** Of its readable content, as long as nothing came. */
  hash: Uint8Array | undefined
  saved: boolean
}

/** A snapshot may be a thousand times smaller than what it inflates to. */
export const weightOf = ({ snapshotBytes, tailBytes, model }: OpenDocument): number =>
  Math.max(snapshotBytes, model.bytes()) + tailBytes

/** The update was refused, and the document is as before. Anything else that is thrown may have changed it. */
export const isRefusal = (thrown: unknown): thrown is LumosError =>
  thrown instanceof LumosError && (thrown.code === 'MEMORY_INVALID' || thrown.code === 'MEMORY_FULL')

/**
 * Whether what an envelope says goes into the document: not after the end of its life. In texts others write between the
 * words of a writer, so these stay. What an excluded writer wrote goes in, and the document leaves it out itself.
 */
export const isIn = (space: Space, writer: Writer, seq: number, kind: DocKind): boolean =>
  !APART.has(kind) || seq <= endOf(space.charter.charter, writer)
