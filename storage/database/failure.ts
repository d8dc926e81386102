/**
 * What SQLite and the file system throw, in this project's words: a full disk
 * and damage must be told apart from a defect of ours, and say what to do.
 */

import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { LumosError } from '../../interface/errors.ts'

// https://www.sqlite.org/rescode.html
const SQLITE_ERROR = 1
const SQLITE_READONLY = 8
const SQLITE_IOERR = 10
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_NOTADB = 26
/** The write-ahead log's index could not grow: on a full disk SQLite says this, not SQLITE_FULL, and on a broken one too. */
const SQLITE_IOERR_SHMSIZE = 4874
/** All SQL is in our source and fits the migrations, so a schema that it does not fit was changed on the disk. */
const OTHER_SCHEMA = /^no such (table|column)|has no column named|has \d+ columns but/
/** More than SQLite asks for at once. */
const SPACE_BYTES_MIN = 64 * 1024

const FULL_ERRNOS = new Set(['ENOSPC', 'EDQUOT'])
const IO_ERRNOS = new Set(['EIO', 'ENXIO'])
const DENIED_ERRNOS = new Set(['EACCES', 'EPERM', 'ENOTDIR', 'EEXIST', 'EISDIR'])

export const RESTORE_HINT =
  'Stop the node, then restore the file from a backup, or move it away to start without it.'

/** `thrown` as a `LumosError` where its cause is the disk's; anything else as it was. */
export function storeFailure(thrown: unknown, path: string): unknown {
  if (!(thrown instanceof Error) || thrown instanceof LumosError) return thrown

  const { code, errcode } = thrown as Error & { code?: string; errcode?: number }
  if (code === 'ERR_SQLITE_ERROR' && errcode !== undefined) return sqliteFailure(thrown, errcode, path)
  if (code !== undefined && FULL_ERRNOS.has(code)) return storeFull(path, thrown)
  if (code !== undefined && IO_ERRNOS.has(code)) return storeFailed(path, thrown)
  if (code === 'EROFS') return storeReadOnly(path, thrown)
  if (code !== undefined && DENIED_ERRNOS.has(code)) {
    return new LumosError('CONFIG_INVALID', `The node cannot use ${path}: ${thrown.message}.`, {
      cause: thrown,
      hint: 'Give a home directory that this user can write to (--home or LUMOS_HOME).'
    })
  }
  return thrown
}

/** Whether the disk refused, full or failing: the same may succeed later, and everything else goes on. */
export const isRefusal = (thrown: unknown): boolean =>
  thrown instanceof LumosError && (thrown.code === 'STORE_FULL' || thrown.code === 'STORE_FAILED')

/** `hint` says what the person can do without losing anything. */
export function storeDamaged(path: string, reason: string, hint: string, cause?: unknown): LumosError {
  return new LumosError('STORE_DAMAGED', `${path} is damaged: ${reason}.`, { hint, cause })
}

function sqliteFailure(thrown: Error, errcode: number, path: string): unknown {
  // The low byte is the kind of error, the rest a detail of it.
  const kind = errcode & 0xff
  if (kind === SQLITE_FULL || (errcode === SQLITE_IOERR_SHMSIZE && !hasSpace(path)))
    return storeFull(path, thrown)
  if (
    kind === SQLITE_CORRUPT ||
    kind === SQLITE_NOTADB ||
    (kind === SQLITE_ERROR && OTHER_SCHEMA.test(thrown.message))
  ) {
    return storeDamaged(path, thrown.message, RESTORE_HINT, thrown)
  }
  if (kind === SQLITE_IOERR) return storeFailed(path, thrown)
  if (kind === SQLITE_READONLY) return storeReadOnly(path, thrown)
  return thrown
}

function hasSpace(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path))
    return bavail * bsize >= SPACE_BYTES_MIN
  } catch {
    return true
  }
}

function storeFailed(path: string, cause: Error): LumosError {
  return new LumosError('STORE_FAILED', `The disk that holds ${path} did not do what it was asked.`, {
    cause,
    hint: 'What was being stored may not be there; all before it is. Look at the health of the disk, and back it up.'
  })
}

/** Systems do this to a disk that fails, such as a worn card, while a node runs on it. */
function storeReadOnly(path: string, cause: Error): LumosError {
  return new LumosError('STORE_FAILED', `The disk that holds ${path} is read-only.`, {
    cause,
    hint: 'A system makes a disk that fails read-only: look at its health, and back it up. Else mount it for writing, or use another home (--home or LUMOS_HOME).'
  })
}

function storeFull(path: string, cause: Error): LumosError {
  return new LumosError('STORE_FULL', `The disk that holds ${path} is full.`, {
    cause,
    hint: 'Free some space and try again; nothing that was stored before is lost.'
  })
}
