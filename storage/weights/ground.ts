/** What the parts of the store share. */

import type { Clock } from '../../interface/clock.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { StoreFolder } from './folder.ts'
import type { HashThread } from './hash-thread.ts'
import type { LeafReader } from './leaf-reader.ts'
import type { RepositoryTable } from './repository-table.ts'
import type { FileTable } from './tables.ts'

export interface Ground {
  readonly folder: StoreFolder
  readonly files: FileTable
  readonly repositories: RepositoryTable
  readonly thread: HashThread
  readonly reader: LeafReader
  readonly clock: Clock
  readonly log: Logger
  /** One change of files and directories after the other. */
  readonly changes: Turns
  /** Models came or went. */
  onChange(): void
}

/** Work that is done one after the other, in the order in which it was asked for. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}
