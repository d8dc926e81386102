/**
 * The files of a repository under their own names, for engines: hard links to whole files, and copies where the disk has
 * no links. What is removed or replaced there is ours by its inode, size and time; nothing else is touched.
 */

import { constants, copyFile, link, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { invalidWeights } from './failure.ts'
import { type StoreFolder, sealOf, setMode } from './folder.ts'

/** An engine may run as another user: the working directory of its process lets it in. */
const READABLE_DIR = 0o755
export const READABLE_FILE = 0o444
/** Of file systems. */
const FILE_NAME_CHARS_MAX = 255
const DRAFT = '.draft-'

export interface PlacedFile {
  readonly path: string
  readonly sha256: string
  /** What lay there when it was placed. */
  readonly seal: string
}

export function directoryOf({ models }: StoreFolder, name: string): string {
  const encoded = encodeURIComponent(name)
  if (DRAFT.length + encoded.length > FILE_NAME_CHARS_MAX)
    throw invalidWeights(`The name ${name} is too long for a folder.`)
  return join(models, encoded)
}

/** @returns the seal of each file by its path. */
export async function placeModel(
  folder: StoreFolder,
  name: string,
  files: readonly PlacedFile[]
): Promise<Map<string, string>> {
  const directory = directoryOf(folder, name)
  const draft = join(folder.models, DRAFT + encodeURIComponent(name))
  const seals = new Map<string, string>()
  await rm(draft, { recursive: true, force: true })
  await makeFolder(draft)
  for (const { path, sha256 } of files) {
    const to = join(draft, ...path.split('/'))
    for (let parts = path.split('/').length - 1, at = dirname(to); parts > 0; parts--, at = dirname(at))
      await makeFolder(at)
    await placeFile(folder.fileOf(sha256), to)
    seals.set(path, (await sealOf(to))!)
  }
  if (!(await removeModel(folder, name, files))) {
    await rm(draft, { recursive: true, force: true })
    throw invalidWeights(`${directory} holds files that are not of the store.`)
  }
  await rename(draft, directory)
  return seals
}

/** Whether all its files lie there as they were placed. */
export async function isPlaced(
  folder: StoreFolder,
  name: string,
  files: readonly PlacedFile[]
): Promise<boolean> {
  const directory = directoryOf(folder, name)
  for (const { path, seal } of files)
    if (seal === '' || (await sealOf(join(directory, ...path.split('/')))) !== seal) return false
  return true
}

/** @returns false when other files are left there. */
export async function removeModel(
  folder: StoreFolder,
  name: string,
  files: readonly PlacedFile[]
): Promise<boolean> {
  const directory = directoryOf(folder, name)
  const folders = new Set<string>([directory])
  for (const { path, sha256, seal } of files) {
    const at = join(directory, ...path.split('/'))
    for (let up = dirname(at); up.length > directory.length; up = dirname(up)) folders.add(up)
    const now = await sealOf(at)
    const isOurs = now !== undefined && (now === seal || now === (await sealOf(folder.fileOf(sha256))))
    if (isOurs) await rm(at, { force: true })
  }
  for (const empty of [...folders].sort((a, b) => b.length - a.length))
    await rmdir(empty).catch(() => undefined)
  return (await readdir(directory).catch(() => undefined)) === undefined
}

/** What a killed process was making. */
export async function removeDrafts({ models }: StoreFolder): Promise<void> {
  for (const name of await readdir(models).catch((): string[] => []))
    if (name.startsWith(DRAFT)) await rm(join(models, name), { recursive: true, force: true })
}

/** Whatever the umask of the process says. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true })
  await setMode(path, READABLE_DIR)
}

async function placeFile(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch {
    await copyFile(from, to, constants.COPYFILE_FICLONE)
    await setMode(to, READABLE_FILE)
  }
}
