/** A store of weights in a folder of its own, and content for it. */

import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../../interface/clock.ts'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import type { Repository, RepositoryFile } from '../../../interface/weights.ts'
import { openDatabase } from '../../../storage/database/database.ts'
import { featureMigrations } from '../../../storage/database/feature-database.ts'
import { WEIGHT_TABLES } from '../../../storage/weights/schema.ts'
import type { StoredFile } from '../../../storage/weights/types.ts'
import { DiskWeightStore, type WeightStoreComponents } from '../../../storage/weights/weight-store.ts'

export const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()
export const hex = (bytes: Uint8Array): string => sha256(bytes).toString('hex')

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weights-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const QUIET = { debug() {}, info() {}, warn() {}, error() {} }

export interface OpenStore {
  readonly store: DiskWeightStore
  /** As the end of a node does. */
  close(): Promise<void>
  /** Without a word to the disk, as far as a test can: the lock and the database are let go. */
  kill(): Promise<void>
}

export async function openStore(
  home: string,
  options: Partial<WeightStoreComponents> = {}
): Promise<OpenStore> {
  const database = openDatabase(join(home, 'feature-weights.db'), {
    migrations: featureMigrations(WEIGHT_TABLES),
    synchronous: 'FULL'
  })
  const parts = {
    database,
    directory: join(home, 'weights'),
    diskMax: null,
    clock: systemClock,
    random: Math.random
  }
  try {
    const store = await DiskWeightStore.open({ ...parts, log: QUIET, onChange() {}, ...options })
    let isOpen = true
    const end = async (work: () => Promise<void> | void): Promise<void> => {
      if (isOpen) await work()
      if (isOpen) database.close()
      isOpen = false
    }
    const close = () => end(() => store.close())
    const kill = () => end(() => store.ground.folder[Symbol.dispose]())
    onTestFinished(async () => {
      await kill()
      await store.ground.thread.close()
    })
    return { store, close, kill }
  } catch (err) {
    database.close()
    throw err
  }
}

/** Different in each leaf, and the same for the same seed. */
export function content(bytes: number, seed = 1): Uint8Array {
  const all = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at += LEAF_BYTES) {
    all.fill((seed + at / LEAF_BYTES) & 0xff, at, at + LEAF_BYTES)
    all[at] = seed
  }
  return all
}

export const leafOf = (bytes: Uint8Array, leaf: number): Uint8Array =>
  bytes.subarray(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES)

/** Puts a file into the store. */
export async function keep(store: DiskWeightStore, bytes: Uint8Array): Promise<StoredFile> {
  const partial = await store.partial(hex(bytes), bytes.length)
  for (let leaf = 0; leaf < partial.leaves; leaf++) await partial.write(leaf, leafOf(bytes, leaf))
  return await partial.finish({ sha256: hex(bytes) })
}

export async function repositoryOf(
  store: DiskWeightStore,
  name: string,
  contents: Readonly<Record<string, Uint8Array>>
): Promise<Repository> {
  const files: RepositoryFile[] = []
  for (const [path, bytes] of Object.entries(contents)) files.push({ path, ...(await keep(store, bytes)) })
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
  return { name, cid: await store.directoryOf(files), bytes, files }
}

export const ENVELOPE = new Uint8Array([1, 2, 3])
