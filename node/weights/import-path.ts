/** A file or a folder of this device becomes a repository of the store. */

import { realpath } from 'node:fs/promises'
import { isAbsolute, join, relative } from 'node:path'
import { InvalidInputError } from '../../interface/errors.ts'
import {
  type Imported,
  type Repository,
  type RepositoryFile,
  RepositoryName,
  type WeightsProgress
} from '../../interface/weights.ts'
import { checkPaths } from '../../storage/weights/checked-repository.ts'
import { takeFile } from '../../storage/weights/take-file.ts'
import type { DiskWeightStore } from '../../storage/weights/weight-store.ts'
import { type Listing, listPath } from './listing.ts'
import { checkRepository } from './repositories/index.ts'

export interface ImportComponents {
  readonly store: DiskWeightStore
  /** Signed by this device. */
  seal(repository: Repository): Promise<Uint8Array>
  /** Of this node. */
  readonly home: string
}

export async function importPath(
  components: ImportComponents,
  path: string,
  { name: given, ...options }: WeightsProgress & { name?: string }
): Promise<Imported> {
  await mustHoldNoKeys(path, components.home)
  const listing = await listPath(path)
  return await importListing(components, { ...listing, name: nameFor(given ?? listing.name, path) }, options)
}

/** Files that lie anywhere on this device become a repository of the name of their listing. */
export async function importListing(
  { store, seal }: Pick<ImportComponents, 'store' | 'seal'>,
  listing: Listing,
  { signal, onProgress }: WeightsProgress
): Promise<Imported> {
  const { name } = listing
  checkPaths(listing.files.map(file => file.path))
  await checkRepository(
    listing.files.map(({ path, source }) => ({ path, place: source })),
    signal ? { signal } : {}
  )
  const total = listing.files.reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0
  let hasRoom = false
  const files: RepositoryFile[] = []
  for (const [n, { path: at, source, bytes }] of listing.files.entries()) {
    const before = done
    onProgress?.(done, total, at)
    const file = await takeFile(store, source, {
      signal,
      onBytes: read => {
        done = Math.min(before + bytes, done + read)
        onProgress?.(done, total, at)
      },
      // Once for all that is still to come, so that a disk is not filled in vain.
      async beforeCopy() {
        const rest = listing.files.slice(n).reduce((sum, one) => sum + one.bytes, 0)
        if (!hasRoom) await store.partials.room.check(rest, [])
        hasRoom = true
        done = before
      }
    })
    done = before + bytes
    files.push({ path: at, ...file })
  }
  const cid = await store.directoryOf(files, { signal })
  const repository = { name, cid, bytes: total, files }
  await store.add(repository, await seal(repository), { signal })
  onProgress?.(total, total, name)
  return { model: name, cid, bytes: total, files: files.length }
}

function nameFor(name: string, path: string): string {
  const { error } = RepositoryName.safeParse(name)
  if (error === undefined) return name
  throw new InvalidInputError(`"${name}" cannot be the name of a model: ${error.issues[0]!.message}.`, {
    hint: `Give it one: lumos-node models import ${path} --name NAME`
  })
}

/** The home has the keys of this device, and what is imported is offered to members. */
async function mustHoldNoKeys(path: string, home: string): Promise<void> {
  const [real, own] = await Promise.all([path, home].map(each => realpath(each).catch(() => each)))
  const models = join(own!, 'models')
  if (isWithin(own!, real!) || (isWithin(real!, own!) && !isWithin(real!, models)))
    throw new InvalidInputError(`${path} holds files of this node's own home, which has its keys.`)
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || !(way === '..' || /^\.\.[\\/]/.test(way) || isAbsolute(way))
}
