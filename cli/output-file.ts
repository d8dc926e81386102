/** Files that people name for what a command gives out. */

import { randomBytes } from 'node:crypto'
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { InvalidInputError, toLumosError } from '../interface/errors.ts'
import { PRIVATE_FILE_MODE, replaceDurably, writeFileDurably } from '../storage/database/durable-file.ts'
import { fromTilde } from '../storage/home/home-path.ts'

/**
 * Writes `content` to a file that only this user reads.
 *
 * @returns its path, with `~` replaced.
 * @throws {InvalidInputError} when it cannot be written there.
 */
export function writePrivateFile(named: string, content: string): string {
  const path = fromTilde(named)
  try {
    writeFileDurably(path, content)
    return path
  } catch (err) {
    throw notWritten(path, err)
  }
}

/**
 * Writes `content` to `path`, which only this user reads, in one step: half a file never has that name.
 *
 * @param force takes the place of a file that is there.
 * @param mode for a file that others read too.
 * @throws {InvalidInputError}
 */
export function writeNewFile(
  path: string,
  content: Uint8Array,
  force: boolean,
  mode = PRIVATE_FILE_MODE
): void {
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}`)
  try {
    writeFileSync(draft, content, { flag: 'wx', mode })
    // Of two programs that write the same file, one fails here.
    if (!force) closeSync(openSync(path, 'wx', PRIVATE_FILE_MODE))
    replaceDurably(draft, path)
  } catch (err) {
    rmSync(draft, { force: true })
    throw (err as NodeJS.ErrnoException).code === 'EEXIST' ? isThere(path) : notWritten(path, err)
  }
}

export const isThere = (path: string): InvalidInputError =>
  new InvalidInputError(`${path} is there already.`, { hint: 'Write over it: --force' })

function notWritten(path: string, err: unknown): InvalidInputError {
  const { message } = toLumosError((err as Error).cause ?? err)
  return new InvalidInputError(`${path} cannot be written: ${message}.`, { cause: err })
}
