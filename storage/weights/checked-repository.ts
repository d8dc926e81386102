/** Whether a repository, which may come from anywhere, can lie on any disk. */

import { Repository } from '../../interface/weights.ts'
import { invalidWeights } from './failure.ts'
import type { FileTable } from './tables.ts'

/** @throws {LumosError} `WEIGHTS_INVALID` */
export function checked(given: Repository): Repository {
  const { data: repository, error } = Repository.safeParse(given)
  if (error !== undefined) {
    const { path, message } = error.issues[0]!
    throw invalidWeights(`A repository is not as it should be: ${path.join('.')}: ${message}`)
  }
  const { name, files, bytes } = repository
  const sum = files.reduce((all, file) => all + file.bytes, 0)
  if (sum !== bytes)
    throw invalidWeights(`${name} is said to have ${bytes} bytes, and its files have ${sum}.`)
  checkPaths(files.map(({ path }) => path))
  return repository
}

/** The files of a repository, each whole and what the repository says of it: its number by SHA-256. */
export function idsOf(table: FileTable, { name, files }: Repository): Map<string, number> {
  const ids = new Map<string, number>()
  for (const { path, sha256, cid, bytes } of files) {
    const known = table.bySha256(sha256)
    if (known?.state !== 'whole') throw invalidWeights(`${path} of ${name} is not here, or is damaged.`)
    if (known.cid !== cid || known.bytes !== bytes)
      throw invalidWeights(`${path} of ${name} is said to be ${cid} of ${bytes} bytes, and is another.`)
    ids.set(sha256, known.id)
  }
  return ids
}

/** On some disks, paths that differ in case only are one, and a file is no folder on any. */
export function checkPaths(paths: readonly string[]): void {
  const files = new Map<string, string>()
  const folders = new Map<string, string>()
  for (const path of paths) {
    const other = files.get(path.toLowerCase())
    if (other !== undefined) throw clash(path, other)
    files.set(path.toLowerCase(), path)
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
      const folder = path.slice(0, at)
      const known = folders.get(folder.toLowerCase())
      if (known !== undefined && known !== folder) throw clash(folder, known)
      folders.set(folder.toLowerCase(), folder)
    }
  }
  for (const [lower, folder] of folders) {
    const file = files.get(lower)
    if (file !== undefined) throw clash(folder, file)
  }
}

const clash = (path: string, other: string): Error =>
  invalidWeights(
    path === other
      ? `${path} is there twice.`
      : `${path} and ${other} differ in case only, and are one on some disks.`
  )
