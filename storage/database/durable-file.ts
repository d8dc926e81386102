/**
 * Small files that must be there whole or not at all, even after a power cut:
 * the identity key, the gateway's token, the run file.
 */

import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync
} from 'node:fs'
import { dirname } from 'node:path'
import { storeFailure } from './failure.ts'

/** Only the owner reads and writes. Windows has its own rules and ignores this. */
export const PRIVATE_FILE_MODE = 0o600
export const PRIVATE_DIR_MODE = 0o700
/** Of the name under which a file is written until it is whole. */
export const DRAFT_ENDING = '.tmp'

/** Make or replace the file at `path`, readable by its owner only; durable when this returns. */
export function writeFileDurably(path: string, content: string | Uint8Array): void {
  const draft = path + DRAFT_ENDING
  try {
    // A draft can only be one that a killed process left: the home is locked.
    rmSync(draft, { force: true })
    writeSynced(draft, typeof content === 'string' ? Buffer.from(content) : content)
    renameSync(draft, path)
    syncDirectory(dirname(path))
  } catch (err) {
    rmSync(draft, { force: true })
    throw storeFailure(err, path)
  }
}

/** Gone for good once this returns: a removed secret must not come back with the power. */
export function removeFileDurably(path: string): void {
  try {
    if (!existsSync(path)) return
    rmSync(path)
    syncDirectory(dirname(path))
  } catch (err) {
    throw storeFailure(err, path)
  }
}

/** Puts a whole file, which other code has written, in the place of `path`; durable when this returns. */
export function replaceDurably(draft: string, path: string): void {
  const fd = openSync(draft, 'r+')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(draft, path)
  syncDirectory(dirname(path))
}

/**
 * An empty file at `path`, for its owner only, unless there is one, which becomes so. SQLite gives its side
 * files the mode of the database: done before it opens one, this is enough for all of them.
 */
export function makePrivateFile(path: string): void {
  // A file that exists is not opened: closing it again would release the locks that this process has on it.
  if (!existsSync(path) && made(path)) return
  // A disk that became read-only refuses the mode that a file has.
  if ((statSync(path).mode & 0o777) !== PRIVATE_FILE_MODE) chmodSync(path, PRIVATE_FILE_MODE)
}

/** Another process may make it at the same moment. */
function made(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', PRIVATE_FILE_MODE))
    return true
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err
    return false
  }
}

function writeSynced(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'wx', PRIVATE_FILE_MODE)
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** A rename is durable once its directory is. Windows cannot open directories and needs no such thing. */
function syncDirectory(path: string): void {
  if (process.platform === 'win32') return
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
