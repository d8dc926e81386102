/**
 * One SQLite file: opened with the settings that our promises need, checked
 * for damage, migrated forwards.
 *
 * `node:sqlite` is synchronous. Statements here are small and go by key; a
 * commit that waits for the disk (`core.db`) takes milliseconds, so whoever
 * commits often reserves or batches.
 */

import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import { LumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { DRAFT_ENDING, makePrivateFile, PRIVATE_FILE_MODE, replaceDurably } from './durable-file.ts'
import { RESTORE_HINT, storeDamaged, storeFailure } from './failure.ts'
import { checkWriteAheadLog } from './write-ahead-log.ts'

/** "lumo" in ASCII: marks a file as ours, so that no other program's database is taken for one. */
const APPLICATION_ID = 0x6c75_6d6f
/** Only a person's own tool can hold a lock, and the event loop waits meanwhile. */
const BUSY_TIMEOUT_MS = 1000
/** Damaged caches that are kept for whoever wants to look; a failing disk must not fill itself with them. */
const DAMAGED_KEPT_MAX = 3

/** Endings of the files that SQLite keeps beside a database. */
const SIDES = ['-wal', '-shm']

export interface DatabaseOptions {
  /** Each is run once, in order, for ever: only append. `user_version` counts those that ran. */
  readonly migrations: readonly string[]
  /**
   * `FULL`: a commit survives a power cut. `NORMAL`: it survives the process's
   * death, and a power cut may take the last ones back; about fifty times faster.
   */
  readonly synchronous: 'FULL' | 'NORMAL'
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
      run: (...values) => use(statement => void statement.run(...values)),
      get: (...values) => use(statement => statement.get(...values)) as Row | undefined,
      all: (...values) => use(statement => statement.all(...values)) as Row[]
    }
    this.#statements.set(sql, statement)
    return statement
  }

  /** All that `work` writes, or, when it throws, nothing of it. It must not wait and cannot be nested. */
  transaction<T>(work: () => T): T {
    return this.#attempt(database => transact(database, work))
  }

  close(): void {
    this.#closed = true
    this.#release()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /**
   * After a write or an fsync that failed, nobody knows which of the pages in
   * the system's cache are on the disk, and a later fsync that succeeds does
   * not say so either (https://lwn.net/Articles/752063). So the file is closed
   * at once, which moves what was committed to its place, and is opened and
   * verified anew by whoever needs it next.
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

function openConnection(path: string, options: DatabaseOptions): DatabaseSync {
  makePrivateFile(path)
  if (options.synchronous === 'FULL') checkWriteAheadLog(path)
  const version = checkedVersion(path, options.migrations.length)
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true })
  try {
    configure(database, options)
    if (version < options.migrations.length) migrate(database, path, version, options.migrations)
    // What a killed process left in the log comes to its place: the next log begins empty, with nothing old in it.
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    return database
  } catch (err) {
    database.close()
    throw err
  }
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

/** A file that is damaged, foreign or newer stays as it is: closing a connection that may write moves its log into it. */
function checkedVersion(path: string, versionMax: number): number {
  // Where a process was killed while it made the file, SQLite must be allowed to finish that.
  const readOnly = !existsSync(`${path}-journal`)
  const made = SIDES.filter(side => !existsSync(path + side))
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly })
  try {
    return versionOf(database, path, versionMax)
  } catch (err) {
    database.close()
    for (const side of made) rmSync(path + side, { force: true })
    throw err
  } finally {
    if (database.isOpen) database.close()
  }
}

function versionOf(database: DatabaseSync, path: string, versionMax: number): number {
  const applicationId = pragma(database, 'application_id')
  const version = Number(pragma(database, 'user_version'))

  if (applicationId !== 0 && applicationId !== APPLICATION_ID) {
    const hint = 'Move the file away if it is not needed, or use another home (--home).'
    throw storeDamaged(path, 'it belongs to another program', hint)
  }
  if (version > versionMax) {
    throw new LumosError('HOME_NEWER', `${path} was written by a newer version of lumos-node.`, {
      hint: 'Install that version, or use another home (--home). Nothing was changed.',
      details: { found: version, supported: versionMax }
    })
  }

  const verdict = pragma(database, 'quick_check(1)')
  if (verdict !== 'ok') {
    throw storeDamaged(path, String(verdict), RESTORE_HINT)
  }
  return version
}

function configure(database: DatabaseSync, options: DatabaseOptions): void {
  // This one is chosen before the first page is written or never: it lets a
  // file that grew give its space back.
  database.exec('PRAGMA auto_vacuum = INCREMENTAL')
  database.exec('PRAGMA journal_mode = WAL')
  database.exec(`PRAGMA synchronous = ${options.synchronous}`)
  // macOS keeps what fsync wrote in the drive's volatile cache unless asked
  // for more. Without effect elsewhere.
  if (options.synchronous === 'FULL') database.exec('PRAGMA fullfsync = ON')
}

function migrate(database: DatabaseSync, path: string, from: number, migrations: readonly string[]): void {
  if (from > 0) backUp(database, `${path}.v${from}.bak`)

  transact(database, () => {
    for (const migration of migrations.slice(from)) database.exec(migration)
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
    database.exec(`PRAGMA user_version = ${migrations.length}`)
  })
}

/** The whole database in one file at `path`; a draft that an earlier failure left is replaced. */
function backUp(database: DatabaseSync, path: string): void {
  const draft = path + DRAFT_ENDING
  // SQLite fills an empty file and keeps its mode.
  writeFileSync(draft, '', { mode: PRIVATE_FILE_MODE })
  database.prepare('VACUUM INTO ?').run(draft)
  replaceDurably(draft, path)
}

function transact<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (err) {
    // SQLite has rolled back by itself when the disk is full.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw err
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

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}

function guarded<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (err) {
    throw storeFailure(err, path)
  }
}
