/**
 * Files of this user as the command line finds them: what a folder holds, in an order that is the same each time. Only files are
 * opened: no link leads out of the folder, and no pipe or device makes the command wait.
 */

import { createHash } from 'node:crypto'
import { constants, type Dirent } from 'node:fs'
import { lstat, open, readdir, realpath, stat } from 'node:fs/promises'
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import { FILE_BYTES_MAX } from '../../../interface/memory-files.ts'
import { fromTilde } from '../../../storage/home/home-path.ts'

/** One command reads no disk: more are other folders, or a mistake. */
const FILES_MAX = 10_000
/** No person makes folders so deep. */
const DEPTH_MAX = 32

/** A path that was typed: a file, or a folder with a name that its files' names begin with. */
export interface Given {
  readonly path: string
  readonly name: string
  readonly isFolder: boolean
  /** Of a folder: tells it from others of this device, and says nothing of where it is. */
  readonly root: string | undefined
}

export interface Found {
  readonly path: string
  readonly name: string
  /** Why it is not read. */
  readonly reason?: string
}

/** A file is named by its path as it was typed, or by its own name where that leads elsewhere. @throws {InvalidInputError} */
export async function given(typed: string): Promise<Given> {
  const path = resolve(fromTilde(typed))
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) throw new InvalidInputError(`There is no file or folder ${typed}.`)
  if (!found.isDirectory() && !found.isFile())
    throw new InvalidInputError(`${typed} is neither a file nor a folder.`)
  const inside = relative('.', path)
  const isInside = inside !== '' && !isAbsolute(inside) && inside.split(sep)[0] !== '..' && !isAbsolute(typed)
  const name = nameOf(isInside ? inside : basename(path))
  const isFolder = found.isDirectory()
  const root = isFolder
    ? createHash('sha256')
        .update(await realpath(path))
        .digest('base64url')
        .slice(0, 16)
    : undefined
  return { path: await realpath(path), name, isFolder, root }
}

/** @throws {LumosError} `INPUT_TOO_LARGE` */
export async function* filesOf({ path, name, isFolder }: Given): AsyncGenerator<Found> {
  if (!isFolder) return yield { path, name }
  let files = 0
  const waiting: (Found & { readonly depth: number })[] = [{ path, name, depth: 0 }]
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const entries = await readdir(folder.path, { withFileTypes: true }).catch(() => undefined)
    if (entries === undefined) yield { ...folder, reason: 'This user may not read it.' }
    entries?.sort((a, b) => (a.name < b.name ? -1 : 1))
    const below: typeof waiting = []
    for (const entry of entries ?? []) {
      if (++files > FILES_MAX)
        throw new LumosError(
          'INPUT_TOO_LARGE',
          `${name} has more than ${FILES_MAX} files: add folders of it.`
        )
      const found = { path: join(folder.path, entry.name), name: nameOf(`${folder.name}/${entry.name}`) }
      const reason = reasonAgainst(entry, folder.depth)
      if (reason !== undefined) yield { ...found, reason }
      else if (entry.isDirectory()) below.push({ ...found, depth: folder.depth + 1 })
      else yield found
    }
    waiting.push(...below.reverse())
  }
}

function reasonAgainst(entry: Dirent, depth: number): string | undefined {
  // Where programs keep keys, passwords and histories.
  if (entry.name.startsWith('.')) return 'It is hidden.'
  if (entry.isSymbolicLink()) return 'It is a link.'
  if (entry.isDirectory()) return depth < DEPTH_MAX ? undefined : `It is more than ${DEPTH_MAX} folders deep.`
  return entry.isFile() ? undefined : 'It is no file.'
}

/** @throws {LumosError} `INPUT_TOO_LARGE`, `INVALID_INPUT` */
export async function contentOf(path: string): Promise<{ content: Buffer; modified: number }> {
  // What was a file a moment ago may be a link or a pipe now.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
  try {
    await using file = await open(path, flags)
    const { size, mtimeMs } = await file
      .stat()
      .then(found => (found.isFile() ? found : Promise.reject(notFile)))
    if (size > FILE_BYTES_MAX)
      throw new LumosError('INPUT_TOO_LARGE', `It has ${size} bytes; a file has ${FILE_BYTES_MAX} at most.`)
    const content = Buffer.alloc(size)
    let length = 0
    for (let read = -1; read !== 0 && length < size; length += read)
      ({ bytesRead: read } = await file.read(content, length, size - length, length))
    return { content: content.subarray(0, length), modified: Math.round(mtimeMs) }
  } catch (err) {
    if (err instanceof LumosError) throw err
    throw new InvalidInputError('This user may not read it.', { cause: err })
  }
}

/** Whether nothing is at this path, as far as this user can tell. */
export const isGone = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => false,
    (err: NodeJS.ErrnoException) => err.code === 'ENOENT' || err.code === 'ENOTDIR'
  )

const notFile = new InvalidInputError('It is no file.')

/** The same on each system. */
const nameOf = (path: string): string => path.split(sep).join('/').normalize('NFC')
