/** Copies the files of a repository out of the store. */

import { constants } from 'node:fs'
import { copyFile, mkdir, open, readdir, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import { LEAF_BYTES } from '../../interface/limits.ts'
import type { WeightsProgress } from '../../interface/weights.ts'
import { noRoom, weightsFailure } from '../../storage/weights/failure.ts'
import { spaceOf } from '../../storage/weights/folder.ts'
import type { StoredRepository } from '../../storage/weights/types.ts'

const HINT = 'Nothing was left there. Give another folder, or free some space on its disk.'

/**
 * What was written is removed again where this fails.
 *
 * @param fileOf where a whole file lies.
 * @throws {LumosError} `WEIGHTS_FULL`, `INVALID_INPUT` for a folder that is not empty.
 */
export async function exportFiles(
  repository: StoredRepository,
  fileOf: (sha256: string) => string,
  path: string,
  options: WeightsProgress
): Promise<void> {
  const there = await readdir(path).catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return []
    throw new InvalidInputError(`${path} is no folder that can be written: ${err.code}.`)
  })
  if (there.length > 0)
    throw new InvalidInputError(`${path} is not empty.`, {
      hint: 'Give a folder that is not there yet, or is empty.'
    })
  const copies = new Copies(path)
  try {
    await copies.make(repository, fileOf, options)
  } catch (thrown) {
    await copies.undo()
    options.signal?.throwIfAborted()
    const err = weightsFailure(thrown, path)
    if (!(err instanceof LumosError) || err.code !== 'WEIGHTS_FULL') throw err
    throw new LumosError(err.code, err.message, { cause: err, details: err.details, hint: HINT })
  }
}

class Copies {
  readonly #path: string
  readonly #files: string[] = []
  /** The outer ones first. */
  readonly #folders: string[] = []

  constructor(path: string) {
    this.#path = path
  }

  async make(
    { name, bytes: total, files }: StoredRepository,
    fileOf: (sha256: string) => string,
    { signal, onProgress }: WeightsProgress
  ): Promise<void> {
    let done = 0
    let hasRoom = false
    for (const { path, sha256, bytes } of files) {
      signal?.throwIfAborted()
      const to = join(this.#path, ...path.split('/'))
      await this.#makeFolder(dirname(to))
      const from = fileOf(sha256)
      if (await this.#clone(from, to)) done += bytes
      else {
        if (!hasRoom) await mustHaveRoom(this.#path, total - done)
        hasRoom = true
        await this.#copy(from, to, signal, read => {
          done += read
          onProgress?.(done, total, name)
        })
      }
      onProgress?.(done, total, name)
    }
  }

  /** What another program has put there meanwhile stays. */
  async undo(): Promise<void> {
    for (const file of this.#files) await rm(file, { force: true })
    for (const folder of this.#folders.toReversed()) await rmdir(folder).catch(() => undefined)
  }

  async #makeFolder(path: string): Promise<void> {
    const first = await mkdir(path, { recursive: true })
    if (first === undefined) return
    const made: string[] = []
    for (let at = path; at.length >= first.length; at = dirname(at)) made.push(at)
    this.#folders.push(...made.reverse())
  }

  /** A copy by the system cannot be given up, so only a clone, which takes no time, is left to it. */
  async #clone(from: string, to: string): Promise<boolean> {
    const flags = constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL
    const isClone = await copyFile(from, to, flags).then(
      () => true,
      () => false
    )
    if (isClone) this.#files.push(to)
    return isClone
  }

  /** Made anew: what another program puts there meanwhile, such as a link, is not written to. */
  async #copy(
    from: string,
    to: string,
    signal: AbortSignal | undefined,
    onBytes: (bytes: number) => void
  ): Promise<void> {
    await using source = await open(from)
    await using target = await open(to, 'wx')
    this.#files.push(to)
    const buffer = Buffer.allocUnsafe(LEAF_BYTES)
    for (;;) {
      signal?.throwIfAborted()
      const { bytesRead } = await source.read(buffer, 0, buffer.length)
      if (bytesRead === 0) return
      await target.writeFile(buffer.subarray(0, bytesRead))
      onBytes(bytesRead)
    }
  }
}

async function mustHaveRoom(path: string, bytes: number): Promise<void> {
  const { freeBytes } = await spaceOf(path)
  if (bytes > freeBytes) throw noRoom(bytes, freeBytes, `the disk of ${path}`)
}
