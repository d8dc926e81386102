/** Folders that hold code which this node runs: a user who can write there has the rights of this node. */

import { statSync } from 'node:fs'
import { LumosError } from '../../interface/errors.ts'

const ROOT = 0
const OTHERS_WRITE = 0o002
/** Others may write beside what is there, and not replace it. */
const STICKY = 0o1000

/** @throws {LumosError} `DENIED` for a file or folder that is another user's, or that every user may write to. */
export function checkOwned(path: string): void {
  const own = process.getuid?.()
  if (own === undefined) return
  const { uid, mode } = statSync(path)
  const isOthers = uid !== own && uid !== ROOT
  if (!isOthers && ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0)) return
  throw new LumosError(
    'DENIED',
    `Engines are not taken from ${path}, which ${isOthers ? 'belongs to another user' : 'every user may write to'}.`,
    { hint: 'Set engines.directory to a folder of your own, or of root.' }
  )
}
