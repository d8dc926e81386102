/** A file from elsewhere on this device becomes one of the store. */

import { constants, copyFile, mkdtemp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { invalidWeights, weightsFailure } from './failure.ts'
import { sealOf } from './folder.ts'
import type { Hashed } from './hash-messages.ts'
import type { HashOptions } from './hash-thread.ts'
import { DRAFT } from './settle.ts'
import type { StoredFile } from './types.ts'
import type { DiskWeightStore } from './weight-store.ts'

export interface TakeOptions extends HashOptions {
  /** Called before a file is copied that shares nothing with its source on disk. */
  beforeCopy(): Promise<void>
}

/**
 * The file is cloned where the disk can, and copied otherwise, in the pass that hashes it. A hard link would not do: its
 * owner may change the file later, and the content of the store with it.
 *
 * @throws {LumosError} `WEIGHTS_INVALID` when it changes meanwhile, `WEIGHTS_FULL`.
 */
export async function takeFile(
  store: DiskWeightStore,
  source: string,
  options: TakeOptions
): Promise<StoredFile> {
  const { folder, thread } = store.ground
  folder.ready()
  const seal = await sealOf(source)
  if (seal === undefined) throw invalidWeights(`${source} is no file.`)
  const bytes = Number(seal.split(':')[1])
  const drafts = await mkdtemp(join(folder.partial, DRAFT))
  const draft = join(drafts, 'file')
  try {
    const isClone = await clone(source, draft)
    let hashed = isClone ? await thread.hash(draft, bytes, options) : undefined
    // A file of the same size is likely to be the same, and is then not written a second time.
    if (!isClone && store.ground.files.hasBytes(bytes)) hashed = await thread.hash(source, bytes, options)
    const known = hashed && store.file(hashed.sha256)
    if (known !== undefined) return known
    if (!isClone) {
      await options.beforeCopy()
      hashed = await thread.hash(source, bytes, { ...options, copyTo: draft })
    }
    if ((await sealOf(source)) !== seal) throw invalidWeights(`${source} changed while it was read.`)
    return await keep(store, draft, bytes, hashed!, options)
  } catch (err) {
    options.signal?.throwIfAborted()
    throw weightsFailure(err, draft)
  } finally {
    await rm(drafts, { recursive: true, force: true })
  }
}

async function keep(
  store: DiskWeightStore,
  draft: string,
  bytes: number,
  { sha256, digests }: Hashed,
  options: AbortOptions
): Promise<StoredFile> {
  await flush(draft)
  const dag = await store.fileDag(bytes, digests, options)
  const file = { sha256, cid: dag.cid, bytes }
  await store.publish(draft, file, digests, dag)
  return file
}

/** @returns false where the disk, or the way between two disks, has no clones. */
const clone = (from: string, to: string): Promise<boolean> =>
  copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL).then(
    () => true,
    () => rm(to, { force: true }).then(() => false)
  )

async function flush(path: string): Promise<void> {
  await using file = await open(path, 'r+')
  await file.sync()
}
