/** Which process has a home, for commands that cannot reach its node. Loads SQLite only when it is asked. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The process that holds the lock of `home`; undefined when none does. Changes nothing. */
export function lockHolder(home: string): number | undefined {
  const path = join(home, 'lock.db')
  if (!existsSync(path)) return undefined
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  try {
    const database = new DatabaseSync(path, { timeout: 0 })
    try {
      return isHeld(database) ? (database.prepare('SELECT pid FROM holder').get()?.pid as number) : undefined
    } finally {
      database.close()
    }
  } catch {
    // It is being made, or cannot be opened: the next start says what is wrong with it.
    return undefined
  }
}

/** A lock that is free is taken and given back at once: a node that starts in between waits for it. */
function isHeld(database: { exec(sql: string): void }): boolean {
  try {
    database.exec('BEGIN IMMEDIATE; ROLLBACK')
    return false
  } catch {
    return true
  }
}
