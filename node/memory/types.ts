/**
 * What the rooms of memory give to each other. The thread of memory holds the database, the documents and the index; the
 * thread of the network passes bytes to it and signs.
 */

import type { DocContent, DocKind, MemoryChange } from '../../interface/memory.ts'

/** A writer is a device in one life of its memory: a restored home begins a new one, and so a new Yjs client. */
export interface WriterId {
  /** PeerId of the device. */
  readonly device: string
  /** 48 random bits as 12 hex digits: `client` is derived from device and life, so that nobody writes as another. */
  readonly life: string
}

/** `PEERID.LIFE`: a writer as documents name it, in slots and in `excluded`. What people see is the part before the dot. */
export const writerName = ({ device, life }: WriterId): string => `${device}.${life}`

/** Up to which envelope of each writer something goes: `seq` counts from 1. */
export interface Head {
  readonly writer: WriterId
  readonly seq: number
  /** SHA-256 of the envelope, which chains to all before it. */
  readonly hash: Uint8Array
}

/** The plain content of one envelope, encrypted on disk and on the wire. */
export interface Batch {
  readonly doc: string
  readonly kind: DocKind
  /** Yjs update V1 with structs of the writer's client only. */
  readonly update: Uint8Array
  readonly at: number
}

/** `docs/`: a document over one `Y.Doc`. It runs in the thread of memory, knows nothing of signatures, disks or networks. */
export interface DocModel {
  readonly kind: DocKind
  /**
   * Changes as a Yjs update of `client`; the document already has them afterwards. `clock` orders slots: see below.
   * `by.writer` is a {@link writerName}.
   */
  change(
    changes: readonly MemoryChange[],
    by: { writer: string; client: number; clock: number; at: number }
  ): { update: Uint8Array; ids: readonly string[] }
  /**
   * Checks an update of another device, and applies it. `clock` is one more than the largest clock of all envelopes that
   * this one depends on: the log computes it, so that no writer can state one.
   *
   * @throws {LumosError} `MEMORY_INVALID`, and nothing has changed: the document is as before.
   * @throws {PoisonError} the document may have changed: it must be rebuilt without this update.
   */
  apply(
    update: Uint8Array,
    by: { writer: string; client: number; clock: number }
  ): { keys: readonly string[] | null }
  read(excluded: ReadonlySet<string>): DocContent
  entries(): number
  /** Yjs state (V2) with its garbage collected. */
  snapshot(): Uint8Array
  /** For the hash of a space: canonical and plain, equal where the content is equal. */
  canonical(excluded: ReadonlySet<string>): unknown
  close(): void
}

/** `docs/` makes a document of its snapshot, or an empty one. Throws where the snapshot is damaged. */
export type OpenDoc = (kind: DocKind, snapshot: Uint8Array | null) => DocModel
