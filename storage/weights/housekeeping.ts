/** What an owner does with a store besides filling it: removing, making room, asking what takes it, and reading all of it anew. */

import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type {
  Collected,
  CollectOptions,
  DiskUse,
  Verified,
  WeightsProgress
} from '../../interface/weights.ts'
import { spaceOf } from './folder.ts'
import { removeModel } from './model-directory.ts'
import type { RepositoryRow } from './repository-table.ts'
import { checkFile } from './settle.ts'
import type { FileRow } from './tables.ts'
import type { DiskWeightStore } from './weight-store.ts'

/** What a download left behind is kept so long for the next try. */
const UNFINISHED_KEPT_MS = 7 * 24 * 3600_000
const NAME_OF_FILE = /^[0-9a-f]{64}$/

/** The repository goes, with the files that no other has. */
export async function removeRepository(store: DiskWeightStore, row: RepositoryRow): Promise<void> {
  const { folder, files, repositories, changes, onChange, log } = store.ground
  await changes.take(async () => {
    const members = repositories.filesOf(row.id)
    if (!(await removeModel(folder, row.name, members)))
      log.warn({ model: row.name }, 'the folder of a removed model holds other files, which stay')
    repositories.forget(row.id)
    const had = new Set(members.map(({ fileId }) => fileId))
    for (const file of files.unused(0)) if (had.has(file.id)) await removeFile(store, file)
    for (const { cid } of repositories.unusedNodes()) repositories.forgetNode(cid)
    onChange()
  })
}

/** The row goes first: a file without one is waste, and a row without its file would be damage. */
async function removeFile(
  { ground: { files, folder, reader } }: DiskWeightStore,
  { id, sha256 }: FileRow
): Promise<void> {
  files.forget(id)
  reader.forget(folder.fileOf(sha256))
  await rm(folder.fileOf(sha256), { force: true })
}

export async function collect(
  store: DiskWeightStore,
  { dryRun = false, unfinished = false, signal }: CollectOptions
): Promise<Collected> {
  const { folder, files, repositories, clock, changes } = store.ground
  const before = unfinished ? Number.MAX_SAFE_INTEGER : Math.round(clock.wallMs()) - UNFINISHED_KEPT_MS
  return await changes.take(async () => {
    const collected = { files: 0, nodes: 0, bytes: 0 }
    const take = async (bytes: number, remove: () => Promise<unknown>): Promise<void> => {
      signal?.throwIfAborted()
      collected.files++
      collected.bytes += bytes
      if (!dryRun) await remove()
    }
    for (const file of files.unused(before)) await take(file.bytes, () => removeFile(store, file))
    for (const { bytes, remove } of await store.partials.old(before)) await take(bytes, remove)
    // A process that was killed between a name and its row left these.
    for (const name of await readdir(folder.files).catch((): string[] => [])) {
      if (!NAME_OF_FILE.test(name) || files.bySha256(name) !== undefined) continue
      const path = join(folder.files, name)
      await take((await stat(path)).size, () => rm(path, { force: true }))
    }
    // Nodes of what is being fetched have no owner yet.
    const nodes = store.partials.isIdle ? repositories.unusedNodes() : []
    collected.nodes = nodes.length
    if (!dryRun) for (const { cid } of nodes) repositories.forgetNode(cid)
    return collected
  })
}

export async function diskUse({
  ground: { folder, files, repositories },
  partials
}: DiskWeightStore): Promise<DiskUse> {
  const owners = new Map<number, number>()
  const members = repositories.all().map(row => {
    const own = new Map(repositories.filesOf(row.id).map(({ fileId, bytes }) => [fileId, bytes]))
    for (const id of own.keys()) owners.set(id, (owners.get(id) ?? 0) + 1)
    return { model: row.name, own }
  })
  const partialBytes = await partials.room.partialBytes()
  const all = files.all()
  return {
    directory: folder.path,
    bytes: sum(all.map(({ bytes }) => bytes)) + partialBytes,
    partialBytes,
    unusedBytes: sum(all.flatMap(({ id, bytes }) => (owners.has(id) ? [] : bytes))),
    maxBytes: await partials.room.maxBytes(),
    freeBytes: (await spaceOf(folder.path)).freeBytes,
    models: members.map(({ model, own }) => ({
      model,
      bytes: sum([...own.values()]),
      sharedBytes: sum([...own].flatMap(([id, bytes]) => (owners.get(id)! > 1 ? bytes : [])))
    }))
  }
}

/** Each file once, whichever repositories have it. */
export async function verify(
  store: DiskWeightStore,
  rows: readonly RepositoryRow[],
  { signal, onProgress }: WeightsProgress
): Promise<Verified> {
  const { files, repositories } = store.ground
  const members = rows.flatMap(row =>
    repositories.filesOf(row.id).map(file => ({ ...file, model: row.name }))
  )
  const byHash = new Map(members.map(file => [file.sha256, file]))
  const total = sum([...byHash.values()].map(({ bytes }) => bytes))
  const found = new Map<string, string>()
  let done = 0
  for (const { sha256, model } of byHash.values()) {
    signal?.throwIfAborted()
    const row = files.bySha256(sha256)
    const onBytes = (bytes: number): void => {
      done += bytes
      onProgress?.(done, total, `reads ${model}`)
    }
    const problem =
      row === undefined ? 'the file is gone' : await checkFile(store.ground, row, { signal, onBytes })
    if (problem !== null) found.set(sha256, problem)
  }
  const problems = members.flatMap(({ model, path, sha256 }) =>
    found.has(sha256) ? [{ model, path, problem: found.get(sha256)! }] : []
  )
  return { files: byHash.size, bytes: total, problems }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)
