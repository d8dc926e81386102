/** The files of a model at a path on this device: one file, a folder, or a repository as the hub of Hugging Face keeps it. */

import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, sep } from 'node:path'
import { isIgnored, partsOf, readDescription, repositoryOf } from '../../capabilities/index.ts'
import { LumosError } from '../../interface/errors.ts'
import { REPOSITORY_FILES_MAX, RepositoryPath } from '../../interface/weights.ts'

/** No repository has more; a deeper tree is a mistake, such as a whole disk. */
const DEPTH_MAX = 16
/** At the end of the name of a part. */
const FIRST_PART = /-00001-of-\d{5}$/
const SHOWN_MAX = 3
/** `models--org--name` */
const HUB_FOLDER = /^models--(.+?)--(.+)$/

export interface ListedFile {
  /** In the repository. */
  readonly path: string
  /** On disk, links followed. */
  readonly source: string
  readonly bytes: number
}

export interface Listing {
  /** What it is called there; a person may say otherwise. */
  readonly name: string
  readonly files: readonly ListedFile[]
}

/** @throws {LumosError} `WEIGHTS_INVALID`, naming what cannot be part of a repository. */
export async function listPath(path: string): Promise<Listing> {
  const found = await realpath(path).catch(() => {
    throw refused(`There is no ${path}.`)
  })
  const stats = await stat(found)
  if (stats.isFile()) return await listFile(path)
  if (!stats.isDirectory()) throw refused(`${path} is no file and no folder.`)
  const root = HUB_FOLDER.test(basename(found)) ? await snapshotOf(found) : found
  const hub = await repositoryOf(root)
  const files: ListedFile[] = []
  await walk(root, '', { files, root, blobs: hub === root ? undefined : join(hub, 'blobs') })
  if (files.length === 0) throw refused(`${path} holds no files.`)
  // What is wrong with it is said with its place, when all files are checked.
  const description = await readDescription(root).catch(() => undefined)
  return { name: description?.name ?? nameOf(basename(hub)), files }
}

/** One file, or all parts of a model that lies in several. */
async function listFile(path: string): Promise<Listing> {
  const names = partsOf(basename(path)) ?? [basename(path)]
  const files: ListedFile[] = []
  for (const name of names) {
    const source = await realpath(join(dirname(path), name)).catch(() => {
      throw refused(`${basename(path)} is a part of a model, and its part ${name} is not there.`)
    })
    const stats = await stat(source)
    if (!stats.isFile()) throw refused(`${name} is no file.`)
    files.push({ path: named(name), source, bytes: stats.size })
  }
  const [first] = names
  return { name: basename(first!, extname(first!)).replace(FIRST_PART, ''), files }
}

/** Of a repository as the hub of Hugging Face caches it: the files of its branch `main`, or of the only revision there is. */
async function snapshotOf(hub: string): Promise<string> {
  const snapshots = join(hub, 'snapshots')
  const revisions = await readdir(snapshots).catch((): string[] => [])
  const main = (await readFile(join(hub, 'refs', 'main'), 'utf8').catch(() => '')).trim()
  const [only] = revisions
  if (only === undefined) return hub
  if (revisions.includes(main)) return await realpath(join(snapshots, main))
  if (revisions.length === 1) return await realpath(join(snapshots, only))
  throw refused(
    `${hub} holds several revisions, and none is its branch main. Give one: ${revisions
      .slice(0, SHOWN_MAX)
      .map(revision => join(snapshots, revision))
      .join(', ')}`
  )
}

interface Walk {
  readonly files: ListedFile[]
  readonly root: string
  /** Where links may lead besides the folder itself. */
  readonly blobs: string | undefined
}

async function walk(folder: string, prefix: string, { files, root, blobs }: Walk): Promise<void> {
  if (prefix.split('/').length > DEPTH_MAX)
    throw refused(`${prefix} lies deeper than the ${DEPTH_MAX} folders that a repository may have.`)
  for (const entry of (await readdir(folder, { withFileTypes: true })).sort(byName)) {
    if (isIgnored(entry.name)) continue
    const path = named(prefix + entry.name)
    const at = join(folder, entry.name)
    if (entry.isDirectory()) {
      await walk(at, `${path}/`, { files, root, blobs })
      continue
    }
    const source = entry.isSymbolicLink() ? await linked(at, path, [root, blobs]) : at
    const stats = await stat(source)
    if (!stats.isFile())
      throw refused(`${path} is no file: links to folders, pipes and devices are no part of a model.`)
    files.push({ path, source, bytes: stats.size })
    if (files.length > REPOSITORY_FILES_MAX)
      throw refused(`There are more than ${REPOSITORY_FILES_MAX} files, which is the limit of a repository.`)
  }
}

/** Where a link leads; a file elsewhere on this device is not the model's to give away. */
async function linked(at: string, path: string, roots: readonly (string | undefined)[]): Promise<string> {
  const source = await realpath(at).catch(() => {
    throw refused(`${path} is a link to a file that is not there.`)
  })
  if (roots.some(root => root !== undefined && source.startsWith(root + sep))) return source
  throw refused(`${path} is a link that leads out of the folder.`)
}

function named(path: string): string {
  if (RepositoryPath.safeParse(path).success) return path
  throw refused(
    `${JSON.stringify(path)} cannot be a path in a repository: letters, digits and _.+@()=, - only.`
  )
}

const nameOf = (folder: string): string => {
  const [, owner, model] = HUB_FOLDER.exec(folder) ?? []
  return model === undefined ? folder : `${owner}/${model}`
}

const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1)

const refused = (message: string): LumosError => new LumosError('WEIGHTS_INVALID', message)
