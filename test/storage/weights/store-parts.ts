/** A store of weights in a folder of its own, and content for it. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../../interface/clock.ts'
import type { Repository, RepositoryFile } from '../../../interface/weights.ts'
import { openDatabase } from '../../../storage/database/database.ts'
import { featureMigrations } from '../../../storage/database/feature-database.ts'
import { leafCidText } from '../../../storage/weights/cid.ts'
import { WEIGHT_TABLES } from '../../../storage/weights/schema.ts'
import type { StoredFile } from '../../../storage/weights/types.ts'
import { DiskWeightStore, type WeightStoreComponents } from '../../../storage/weights/weight-store.ts'
import { hex, leafOf } from './content.ts'

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weights-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** The CIDs of the leaves of a whole file. */
export const leavesOf = (store: DiskWeightStore, cid: string): string[] => {
  const digests = store.digestsOf(cid)
  return Array.from({ length: digests.length / 32 }, (_, n) =>
    leafCidText(digests.subarray(n * 32, n * 32 + 32))
  )
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
    const kill = () =>
      end(async () => {
        // Closes handles, and writes nothing.
        await store.partials.close()
        store.ground.folder[Symbol.dispose]()
      })
    onTestFinished(async () => {
      await kill()
      await store.ground.thread.close()
      await store.ground.reader.close()
    })
    return { store, close, kill }
  } catch (err) {
    database.close()
    throw err
  }
}

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
