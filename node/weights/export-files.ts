/** Copies the files of a repository out of the store. */

import { constants, createReadStream, createWriteStream } from 'node:fs'
import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { InvalidInputError } from '../../interface/errors.ts'
import type { WeightsProgress } from '../../interface/weights.ts'
import { weightsFailure } from '../../storage/weights/failure.ts'
import type { StoredRepository } from '../../storage/weights/types.ts'

/** @param fileOf where a whole file lies. */
export async function exportFiles(
  { name, bytes, files }: StoredRepository,
  fileOf: (sha256: string) => string,
  path: string,
  { signal, onProgress }: WeightsProgress
): Promise<void> {
  const there = await readdir(path).catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return []
    throw new InvalidInputError(`${path} is no folder that can be written: ${err.code}.`)
  })
  if (there.length > 0) throw new InvalidInputError(`${path} is not empty.`)
  let done = 0
  try {
    for (const file of files) {
      signal?.throwIfAborted()
      const to = join(path, ...file.path.split('/'))
      await mkdir(dirname(to), { recursive: true })
      await copy(fileOf(file.sha256), to, signal)
      done += file.bytes
      onProgress?.(done, bytes, name)
    }
  } catch (err) {
    signal?.throwIfAborted()
    throw weightsFailure(err, path)
  }
}

/** A copy by the system cannot be given up, so only a clone, which takes no time, is left to it. */
async function copy(from: string, to: string, signal: AbortSignal | undefined): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL)
  } catch {
    // Made anew: what another program puts there meanwhile, such as a link, is not written to.
    await pipeline(createReadStream(from), createWriteStream(to, { flags: 'wx' }), { signal })
  }
}
