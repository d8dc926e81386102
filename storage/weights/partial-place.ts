/** Where a file lies that is still to come: its bytes, and the journal of its leaves. */

import { rm } from 'node:fs/promises'
import type { Dag } from './hash-messages.ts'
import type { HashThread } from './hash-thread.ts'
import type { StoredFile } from './types.ts'

export interface PartialPlace {
  readonly data: string
  readonly journal: string
}

/** What a store does for a file that comes. */
export interface PartialKeeper {
  readonly thread: HashThread
  /** The leaf can be served from now on. */
  onLeaf(digest: Uint8Array, leaf: number): void
  /** The file at `path` becomes one of the store. */
  publish(path: string, file: StoredFile, digests: Uint8Array, dag: Dag): Promise<void>
  /** The key is free again, and its leaves are no longer served from here. */
  closed(): void
}

/** The journal goes last: without its data it means nothing. */
export async function removePartial({ data, journal }: PartialPlace): Promise<void> {
  await rm(data, { force: true })
  await rm(journal, { force: true })
}
