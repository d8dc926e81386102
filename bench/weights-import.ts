/** A file of this device becomes one of the store: cloned or copied, hashed and flushed. A plain copy that is flushed is beside it. */

import { copyFile, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { takeFile } from '../storage/weights/take-file.ts'
import { openStore } from './weights-device.ts'

export const IMPORT_WAYS = ['import', 'copy'] as const

/** @returns milliseconds. */
export async function bringIn(way: (typeof IMPORT_WAYS)[number], file: string, directory: string) {
  const place = join(directory, way)
  try {
    return way === 'copy' ? await took(() => copied(file, place)) : await imported(file, place)
  } finally {
    for (const path of [place, `${place}.db`]) await rm(path, { recursive: true, force: true })
  }
}

async function imported(file: string, place: string): Promise<number> {
  const store = await openStore(place)
  try {
    return await took(() => takeFile(store, file, { beforeCopy: async () => {} }))
  } finally {
    await store.close()
  }
}

async function copied(from: string, to: string): Promise<void> {
  await copyFile(from, to)
  await using copy = await open(to, 'r+')
  await copy.sync()
}

async function took(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}
