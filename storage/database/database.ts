/**
 * One SQLite file: opened with the settings that our promises need, checked
 * for damage, migrated forwards.
 *
 * `node:sqlite` is synchronous. Statements here are small and go by key; a
 * commit that waits for the disk (`core.db`) takes milliseconds, so code
 * that commits often reserves or batches.
 */

import { existsSync, renameSync, rmSync } from 'node:fs'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { LumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { type ConnectionOptions, openConnection, SIDES, transact } from './connection.ts'
import { storeFailure } from './failure.ts'

/** Damaged caches that are kept to be looked at; a failing disk must not fill itself with them. */
const DAMAGED_KEPT_MAX = 3

export interface DatabaseOptions extends ConnectionOptions {
  /** Told of each `STORE_FULL`, `STORE_FAILED` and `STORE_DAMAGED` after the opening. */
  onFailure?(failure: LumosError): void
}

export class Database implements Disposable {
  readonly path: string
  readonly #options: DatabaseOptions
  /** By SQL text, all of which is in our source, so this stays small. */
  readonly #statements = new Map<string, Statement>()
  /** None after the disk failed, until the next use opens and verifies the file again. */
  #database: DatabaseSync | undefined
  #closed = false
  #depth = 0
  #suspect = false
  #writes = 0

  /** `database` is open and migrated; see {@link openDatabase}. */
  constructor(path: string, database: DatabaseSync, options: DatabaseOptions) {
    this.path = path
    this.#database = database
    this.#options = options
  }

  /** The statement for `sql`, compiled once. `Row` is what its rows hold. */
  prepare<Row = unknown>(sql: string): Statement<Row> {
    const known = this.#statements.get(sql)
    if (known) return known as Statement<Row>

    let of: DatabaseSync | undefined
    let compiled: StatementSync | undefined
    const use = <T>(work: (statement: StatementSync) => T): T =>
      this.#attempt(database => {
        if (of !== database || compiled === undefined) compiled = database.prepare(sql)
        of = database
        return work(compiled)
      })
    const statement: Statement<Row> = {
      run: (...values) =>
        use(statement => {
          this.#writes++
          statement.run(...values)
        }),
      get: (...values) => use(statement => statement.get(...values)) as Row | undefined,
      all: (...values) => use(statement => statement.all(...values)) as Row[]
    }
    this.#statements.set(sql, statement)
    return statement
  }

  /** All that `work` writes, or, when it throws, nothing of it. It must not wait and cannot be nested. */
  transaction<T>(work: () => T): T {
    try {
      return this.#attempt(database => transact(database, work))
    } finally {
      // Taken back, it has changed what was read in it.
      this.#writes++
    }
  }

  /** Rows that were read are the same until this number is another one. */
  get writes(): number {
    return this.#writes
  }

  close(): void {
    this.#closed = true
    this.#release()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /**
   * After a write or an fsync that failed, it is not known which of the pages in
   * the system's cache are on the disk, and a later fsync that succeeds does
   * not say so either (https://lwn.net/Articles/752063). So the file is closed
   * at once, which moves what was committed to its place, and is opened and
   * verified anew by what needs it next.
   */
  #attempt<T>(work: (database: DatabaseSync) => T): T {
    if (this.#closed) throw new Error(`${this.path} is closed.`)
    this.#depth++
    try {
      this.#database ??= guarded(this.path, () => openConnection(this.path, this.#options))
      return work(this.#database)
    } catch (thrown) {
      const failure = storeFailure(thrown, this.path)
      if (failure instanceof LumosError && failure.code.startsWith('STORE_')) {
        this.#suspect ||= failure.code === 'STORE_FAILED'
        this.#options.onFailure?.(failure)
      }
      throw failure
    } finally {
      this.#depth--
      if (this.#depth === 0 && this.#suspect) this.#release()
    }
  }

  #release(): void {
    const database = this.#database
    this.#writes++
    this.#database = undefined
    this.#suspect = false
    try {
      if (database?.isOpen) database.close()
    } catch (err) {
      const failure = storeFailure(err, this.path)
      if (failure instanceof LumosError) this.#options.onFailure?.(failure)
    }
  }
}

export interface Statement<Row = unknown> {
  run(...values: SQLInputValue[]): void
  get(...values: SQLInputValue[]): Row | undefined
  all(...values: SQLInputValue[]): Row[]
}

/**
 * Open or make the database at `path`.
 *
 * @throws {LumosError} `STORE_DAMAGED`, `HOME_NEWER` or `STORE_FULL`; the file is left as it was.
 */
export function openDatabase(path: string, options: DatabaseOptions): Database {
  return guarded(path, () => new Database(path, openConnection(path, options), options))
}

/** Like {@link openDatabase}, for what can be learnt again: a damaged file is set aside and made anew. */
export function openCacheDatabase(path: string, options: DatabaseOptions, log?: Logger): Database {
  try {
    return openDatabase(path, options)
  } catch (err) {
    if (!(err instanceof LumosError) || err.code !== 'STORE_DAMAGED') throw err

    const keptAs = setAside(path)
    log?.warn(
      { err, keptAs },
      'The cache was damaged. It is set aside and filled anew; nothing of value is lost.'
    )
    return openDatabase(path, options)
  }
}

function setAside(path: string): string {
  const names = Array.from({ length: DAMAGED_KEPT_MAX }, (_, n) => `${path}.damaged-${n + 1}`)
  const keptAs = names.find(name => !existsSync(name)) ?? `${path}.damaged-${DAMAGED_KEPT_MAX}`

  renameSync(path, keptAs)
  // A log that belongs to the old file must never be played into the new one.
  for (const side of SIDES) rmSync(path + side, { force: true })
  return keptAs
}

function guarded<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (err) {
    throw storeFailure(err, path)
  }
}
