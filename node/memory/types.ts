/**
 * What the rooms of memory give to each other. The thread of memory holds the database, the documents and the index; the
 * thread of the network passes bytes to it and signs.
 */

import type { DocContent, DocKind, MemoryChange, MemoryValue } from '../../interface/memory.ts'

/** A writer is a device in one life of its memory: a restored home begins a new one, and so a new Yjs client. */
export interface WriterId {
  /** PeerId of the device. */
  readonly device: string
  /** 48 random bits as 12 hex digits: `client` is derived from device and life, so that no device writes as another. */
  readonly life: string
}

/** `PEERID.LIFE`: a writer as documents name it, in slots. What people see is the part before the dot. */
export const writerName = ({ device, life }: WriterId): string => `${device}.${life}`

/** Up to which envelope of each writer something goes: `seq` counts from 1. */
export interface Head {
  readonly writer: WriterId
  readonly seq: number
  /** SHA-256 of the envelope, which chains to all before it. */
  readonly hash: Uint8Array
  /** The number was signed twice here: `hash` is of the proof. Not told to peers, which see it by the hash. */
  readonly frozen?: boolean | undefined
}

/** The plain content of one envelope, encrypted on disk and on the wire. */
export interface Batch {
  readonly doc: string
  readonly kind: DocKind
  /** Yjs update V1 with structs of the writer's client only. */
  readonly update: Uint8Array
  readonly at: number
  /** Of the space: under them something was written before their charter lost to another one. */
  readonly keys?: readonly Uint8Array[] | undefined
}

/** Who changes, and in which order it counts. */
export interface ChangeBy {
  /** A {@link writerName}. */
  readonly writer: string
  /** The Yjs client that is bound to this writer. */
  readonly client: number
  /**
   * One more than the largest clock of all envelopes that this one depends on: the log computes it, so that no writer
   * can state one. A writer's own next envelope has a larger clock.
   */
  readonly clock: number
  /** It is not in the log yet, and is refused where the document has no room. What is in the log counts. */
  readonly isNew?: boolean
}

/** What one name of a document stands for, as a search shows it. */
export interface DocItem {
  readonly value: MemoryValue
  /** PeerId; null of notes, which many write. */
  readonly writer: string | null
  /** Of entries and tasks: the clock of the writer in ms. */
  readonly at: number | null
}

/** `docs/`: a document over one `Y.Doc`. It runs in the thread of memory, knows nothing of signatures, disks or networks. */
export interface DocModel {
  readonly kind: DocKind
  /**
   * Changes as a Yjs update of `client`; the document already has them afterwards. All or nothing. The update is
   * empty where nothing had to change: there is nothing to sign then.
   *
   * @throws {LumosError} `INVALID_INPUT`, `INPUT_TOO_LARGE`, `MEMORY_FULL`, and nothing has changed.
   */
  change(
    changes: readonly MemoryChange[],
    by: ChangeBy & { readonly at: number }
  ): { update: Uint8Array; ids: readonly string[] }
  /**
   * Checks an update of another device, and applies it. Whether it is valid depends on the update, on what the same writer
   * wrote before, and on what the update itself refers to: so every device decides alike, in whatever order envelopes of
   * other writers came. Of an excluded writer the structs are kept, for others may refer to them, and nothing of it shows.
   *
   * @throws {LumosError} `MEMORY_INVALID` or `MEMORY_FULL`, and nothing has changed: the document is as before. With `details.waits` it refers to
   *   what has not come, of another writer: the same update is valid once that is here. No honest device sends such.
   * @throws {LumosError} `MEMORY_POISON`: the document may have changed. It must be rebuilt without this update.
   */
  apply(update: Uint8Array, by: ChangeBy): { keys: readonly string[] | null }
  read(): DocContent
  /** Keys and ids, for a search: one by one, and while the document changes. The text of notes has the name ''. */
  names(): Iterable<string>
  /** What this name stands for now: several where two devices gave one id to two entries. */
  items(name: string): DocItem[]
  /** One fact, entry or task; `undefined` where it is not there, and of notes and raw documents. */
  get(key: string): MemoryValue | undefined
  /** Of facts: what each writer has said of a key, the one that counts last; undefined where it was unset. Of other kinds: nothing. */
  saidOf(key: string): readonly { readonly writer: string; readonly value: MemoryValue | undefined }[]
  entries(): number
  /** What the snapshot takes, about: for quotas. */
  bytes(): number
  /** Of that, what each client has written: also those of which nothing is left. */
  live(): Iterable<readonly [client: number, bytes: number]>
  /** Yjs state with its garbage collected, compressed. */
  snapshot(): Uint8Array
  /** SHA-256 of the canonical DAG-CBOR of what is readable: equal where the content is equal. */
  hash(): Uint8Array
  close(): void
}

/**
 * `docs/` makes a document of its snapshot, or an empty one.
 *
 * @param excluded clients that do not count. Facts, journals, threads and tasks are then as if these had never written.
 *   Of notes and raw documents a snapshot has lost what these deleted: rebuild those from the log to have it again.
 * @param going called now and then where much is opened, read or hashed: it takes its time, and gets on.
 * @throws {LumosError} `MEMORY_INVALID`: the snapshot is damaged.
 */
export type OpenDoc = (
  kind: DocKind,
  snapshot: Uint8Array | null,
  excluded: ReadonlySet<number>,
  going?: () => void
) => DocModel
