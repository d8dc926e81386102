/** Files that people name for what a command gives out. */

import { InvalidInputError, toLumosError } from '../interface/errors.ts'
import { writeFileDurably } from '../storage/database/durable-file.ts'
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
    const { message } = toLumosError((err as Error).cause ?? err)
    throw new InvalidInputError(`${path} cannot be written: ${message}.`, { cause: err })
  }
}
