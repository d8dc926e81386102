/**
 * One process at a time uses a home.
 *
 * The lock is SQLite's own on a tiny database, an open write transaction: the
 * operating system releases it however the process ends, so a stale one cannot
 * exist, on every platform. Readers still get in, which is how a second
 * process learns who holds it.
 */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LumosError } from '../../interface/errors.ts'
import { makePrivateFile } from '../database/durable-file.ts'
import { storeFailure } from '../database/failure.ts'

const SQLITE_BUSY = 5
/** How long the holder may take from starting its transaction to having written its pid. */
const HOLDER_TIMEOUT_MS = 250
const OTHER_HOME = 'Stop that node (lumos-node stop), or use another home (--home).'

/** Until they are disposed: the garbage collector would close the database of a lock without a reference. */
const taken = new Set<HomeLock>()

export class HomeLock implements Disposable {
  readonly #database: DatabaseSync

  private constructor(database: DatabaseSync) {
    this.#database = database
    taken.add(this)
  }

  /**
   * @param hint what the person can do when another process has it.
   * @throws {LumosError} `HOME_LOCKED`, naming the process that holds it.
   */
  static take(home: string, hint = OTHER_HOME): HomeLock {
    const path = join(home, 'lock.db')
    try {
      makePrivateFile(path)
      const database = new DatabaseSync(path, { timeout: HOLDER_TIMEOUT_MS })
      try {
        database.exec(
          'CREATE TABLE IF NOT EXISTS holder (id INTEGER PRIMARY KEY CHECK (id = 1), pid INTEGER)'
        )
        database.prepare('INSERT OR REPLACE INTO holder VALUES (1, ?)').run(process.pid)
        // Between the line above and this one another process may get in. It
        // then holds the lock, and the line below fails: never both.
        database.exec('BEGIN IMMEDIATE')
        return new HomeLock(database)
      } catch (err) {
        const failure = isBusy(err) ? homeLocked(home, holderOf(database), hint) : err
        database.close()
        throw failure
      }
    } catch (err) {
      throw storeFailure(err, path)
    }
  }

  [Symbol.dispose](): void {
    taken.delete(this)
    // Closing rolls the transaction back, which releases the lock.
    if (this.#database.isOpen) this.#database.close()
  }
}

function holderOf(database: DatabaseSync): number | undefined {
  try {
    return database.prepare('SELECT pid FROM holder').get()?.pid as number | undefined
  } catch {
    // The holder is writing its pid, or has not made the table yet.
    return undefined
  }
}

function homeLocked(home: string, pid: number | undefined, hint: string): LumosError {
  const who = pid === undefined ? 'another process' : `process ${pid}`
  return new LumosError('HOME_LOCKED', `${home} is in use by ${who}.`, {
    hint,
    details: pid === undefined ? {} : { pid }
  })
}

function isBusy(err: unknown): boolean {
  const errcode = (err as { errcode?: number }).errcode
  return errcode !== undefined && (errcode & 0xff) === SQLITE_BUSY
}
