/** Where the files of a model really are: a description and a link may name only those of the model itself. */

import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { invalid } from './description.ts'

/** Where the hub of Hugging Face keeps the files of a repository. */
const BLOBS = 'blobs'

/**
 * The folder that holds the files of the model at `own`: the hub of Hugging Face keeps them in `blobs`, and links to
 * them in `snapshots/REVISION`. A model cannot choose this: both names are above its own folder.
 */
export async function repositoryOf(own: string): Promise<string> {
  const repository = dirname(dirname(own))
  const blobs = await realpath(join(repository, BLOBS)).catch(() => undefined)
  return basename(dirname(own)) === 'snapshots' && blobs === join(repository, BLOBS) ? repository : own
}

/** The real path of a file of the model; a link must not lead out of its directory, but to a blob of its repository. */
export async function fileIn(root: string, name: string, repository: string): Promise<string> {
  const path = await realpath(join(root, name)).catch(() => undefined)
  if (path === undefined) throw invalid(`the file ${name} is missing`)
  const isBlob = repository !== root && path.startsWith(join(repository, BLOBS) + sep)
  if (!isBlob && !path.startsWith(root + sep))
    throw invalid(`the file ${name} leads out of the model's directory`)
  if (!(await isFile(path))) throw invalid(`${name} is no file`)
  return path
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    stats => stats.isFile(),
    () => false
  )
