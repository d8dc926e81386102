/**
 * Keeps what is served in step with what is whole: a file that may have changed is hashed before it is served again, and
 * a repository with such a file is withdrawn from the engines until then.
 */

import { chmod, lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Repository } from '../../interface/weights.ts'
import { invalidWeights } from './failure.ts'
import { sealOf } from './folder.ts'
import type { Ground } from './ground.ts'
import type { HashOptions } from './hash-thread.ts'
import {
  directoryOf,
  isPlaced,
  placeModel,
  READABLE_FILE,
  removeDrafts,
  removeModel
} from './model-directory.ts'
import type { RepositoryRow } from './repository-table.ts'
import type { FileRow } from './tables.ts'

const DIGEST_BYTES = 32
/** A disk that loses power may lose what was written last, whatever it said of it. */
const LAST_MOMENTS_MS = 10 * 60_000
const GONE = 'the file is gone'
const NO_SEAL = ''
/** Copies that an import was making. */
export const DRAFT = 'import-'

/**
 * Looks at every file and directory, and hashes nothing.
 *
 * @param unclean the run of the store that did not end as it should.
 */
export async function lookAtAll(ground: Ground, unclean: number | undefined): Promise<void> {
  const { folder, files, repositories } = ground
  await removeDrafts(folder)
  for (const name of await readdir(folder.partial).catch((): string[] => []))
    if (name.startsWith(DRAFT)) await rm(join(folder.partial, name), { recursive: true, force: true })
  const all = files.all()
  const last = Math.max(...all.flatMap(({ run, keptAtMs }) => (run === unclean ? keptAtMs : [])))
  for (const file of all) {
    const wasLast = file.run === unclean && file.keptAtMs > last - LAST_MOMENTS_MS
    await look(ground, file, wasLast)
  }
  for (const repository of repositories.all()) await settle(ground, repository)
}

async function look({ folder, files }: Ground, file: FileRow, wasLast: boolean): Promise<void> {
  const { id, sha256, state, problem } = file
  if (state === 'coming') {
    files.forget(id)
    return
  }
  const seal = await sealOf(folder.fileOf(sha256))
  if (seal === undefined) files.mark(id, 'bad', { problem: GONE })
  else if (seal !== file.seal || (wasLast && state === 'whole')) files.mark(id, 'suspect')
  else if (problem === GONE) files.mark(id, 'whole')
}

/** Hashes those that may have changed, one after the other. */
export async function checkSuspects(ground: Ground, options: HashOptions): Promise<void> {
  for (const file of ground.files.all()) if (file.state === 'suspect') await checkFile(ground, file, options)
}

/** @returns what is wrong with the file; it is not served then. */
export async function checkFile(ground: Ground, file: FileRow, options: HashOptions): Promise<string | null> {
  const { folder, files, repositories, log } = ground
  const path = folder.fileOf(file.sha256)
  const { seal, problem } = await findingOf(ground, file, path, options)
  return await ground.changes.take(async () => {
    const now = files.bySha256(file.sha256)
    // It was removed, replaced or taken for its repair meanwhile: another file than the one that was hashed.
    if (now?.id !== file.id || ((await sealOf(path)) ?? NO_SEAL) !== seal) return problem
    if (problem === null) {
      files.mark(file.id, 'whole', { seal })
      await chmod(path, READABLE_FILE).catch(() => undefined)
    } else {
      files.mark(file.id, 'bad', { problem })
      log.warn({ file: path, problem }, 'a file of weights is damaged, and is not served')
    }
    for (const repository of repositories.having(file.id)) await settle(ground, repository)
    if (now.state !== files.bySha256(file.sha256)?.state) ground.onChange()
    return problem
  })
}

async function findingOf(
  { thread, files }: Ground,
  { id, bytes, sha256 }: FileRow,
  path: string,
  options: HashOptions
): Promise<{ seal: string; problem: string | null }> {
  const seal = await sealOf(path)
  if (seal === undefined) return { seal: NO_SEAL, problem: GONE }
  try {
    const found = await thread.hash(path, bytes, options)
    // One that was written meanwhile is none that was read.
    const isSame =
      found.sha256 === sha256 && Number(seal.split(':')[1]) === bytes && (await sealOf(path)) === seal
    return { seal, problem: isSame ? null : differences(files.digests(id), found.digests) }
  } catch (err) {
    options.signal?.throwIfAborted()
    return { seal, problem: `it cannot be read: ${(err as Error).message}` }
  }
}

function differences(expected: Uint8Array, found: Uint8Array): string {
  const count = expected.length / DIGEST_BYTES
  let differ = 0
  for (let at = 0; at < expected.length; at += DIGEST_BYTES)
    if (Buffer.compare(expected.subarray(at, at + DIGEST_BYTES), found.subarray(at, at + DIGEST_BYTES)) !== 0)
      differ++
  return differ === 0
    ? 'it changed while it was read'
    : `${differ} of its ${count} MiB are not what they were`
}

/** Its directory is there when all its files are whole, and is not otherwise. */
export async function settle(
  { folder, repositories, log }: Ground,
  { id, name }: RepositoryRow
): Promise<void> {
  const members = repositories.filesOf(id)
  const isWhole = members.every(({ state }) => state === 'whole')
  if (isWhole && (await isPlaced(folder, name, members))) return
  if (!isWhole) {
    await removeModel(folder, name, members)
    return
  }
  try {
    repositories.placed(id, await placeModel(folder, name, members))
  } catch (err) {
    log.warn({ err, model: name }, 'a model cannot be placed for the engines')
  }
}

/**
 * The directory of a name is free for another repository.
 *
 * @throws {LumosError} `WEIGHTS_INVALID` where something else lies there.
 */
export async function replaceModel(
  { folder, repositories }: Ground,
  before: RepositoryRow | undefined,
  { name, cid }: Repository
): Promise<void> {
  if (before?.cid === cid) return
  const directory = directoryOf(folder, name)
  const isFree =
    before === undefined
      ? (await lstat(directory).catch(() => undefined)) === undefined
      : await removeModel(folder, name, repositories.filesOf(before.id))
  if (!isFree) throw invalidWeights(`${directory} holds files that are not of the store.`)
}
