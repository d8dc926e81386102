/** One connection to a SQLite file: checked for damage, set as our promises need, and migrated forwards. */

import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { LumosError } from '../../interface/errors.ts'
import { DRAFT_ENDING, makePrivateFile, PRIVATE_FILE_MODE, replaceDurably } from './durable-file.ts'
import { RESTORE_HINT, storeDamaged } from './failure.ts'
import { checkWriteAheadLog } from './write-ahead-log.ts'

/** "lumo" in ASCII: marks a file as ours, so that no other program's database is taken for one. */
const APPLICATION_ID = 0x6c75_6d6f
/** Only a person's own tool can hold a lock, and the event loop waits meanwhile. */
const BUSY_TIMEOUT_MS = 1000

/** Endings of the files that SQLite keeps beside a database. */
export const SIDES = ['-wal', '-shm']

export interface ConnectionOptions {
  /** Each is run once, in order, for ever: only append. `user_version` counts those that ran. */
  readonly migrations: readonly string[]
  /**
   * `FULL`: a commit survives a power cut. `NORMAL`: it survives the process's
   * death, and a power cut may take the last ones back; about fifty times faster.
   */
  readonly synchronous: 'FULL' | 'NORMAL'
}

export function openConnection(path: string, options: ConnectionOptions): DatabaseSync {
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

function configure(database: DatabaseSync, options: ConnectionOptions): void {
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

export function transact<T>(database: DatabaseSync, work: () => T): T {
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

function pragma(database: DatabaseSync, name: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]
}
