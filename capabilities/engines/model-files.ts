/** The last look at a model's files before native code opens them. */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { LumosError } from '../../interface/errors.ts'

/** A large model has hundreds of files of weights. */
const FILES_MAX = 10_000

/**
 * The graph may name any file beside it as its weights, so all of them are looked at.
 *
 * @param file the graph, relative to the working directory.
 * @param hashes in lower-case hex, by file.
 * @param others files elsewhere that the engine opens, too.
 * @param stored the store of weights has put the files there, as hard links to its own: a repository cannot bring one.
 * @throws {LumosError} `MODEL_INVALID` when a file is not what the description says, or may be another's.
 */
export async function checkFiles(
  file: string,
  hashes: Readonly<Record<string, string>>,
  others: readonly string[] = [],
  stored = false
): Promise<void> {
  // The runtime takes most damaged files without complaint, and answers nonsense.
  for (const [name, hash] of Object.entries(hashes)) {
    if ((await hashOf(name)) !== hash) throw invalid(`the hash of ${name} is not the one in model_info.json`)
  }

  if (stored) return
  const entries = await readdir(dirname(file), { recursive: true, withFileTypes: true }).catch(unreadable)
  if (entries.length > FILES_MAX) throw invalid(`there are more than ${FILES_MAX} files beside ${file}`)
  const beside = entries
    .filter(entry => entry.isFile())
    .map(entry => normalize(join(entry.parentPath, entry.name)))
  for (const name of new Set([...beside, ...others])) {
    if (!Object.hasOwn(hashes, name)) await refuseSecondName(name)
  }
}

/**
 * A repository can bring a hard link to any file of the same disk, and the runtime follows it. A file with
 * a hash that fits may have names elsewhere, such as in a package manager's store: its content is known.
 */
async function refuseSecondName(name: string): Promise<void> {
  const { nlink } = await lstat(name)
  if (nlink > 1) throw invalid(`${name} has another name (a hard link), and no hash in model_info.json`)
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash).catch(unreadable)
  return hash.digest('hex')
}

/** @throws {LumosError} `MODEL_INVALID` with what to do where the system refused to open a file; else `err`. */
export function unreadable(err: NodeJS.ErrnoException): never {
  if (err.code !== 'EACCES') throw err
  throw invalid(`the user of engines may not read the model's files: run chmod -R o+rX on its folder`)
}

const invalid = (reason: string): LumosError => new LumosError('MODEL_INVALID', `${reason}.`)
