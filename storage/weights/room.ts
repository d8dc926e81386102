/** Whether the quota and the disk have room for what is still to come. Asked before its first byte is written. */

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { memoryBytes } from '../../interface/amounts.ts'
import { noRoom } from './failure.ts'
import { type StoreFolder, spaceOf } from './folder.ts'

/** What the databases and logs of the node need when weights have filled the disk. */
const SPARE_BYTES = 64 * 1024 * 1024
/** Of `stat`, whatever the disk's. */
const BLOCK_BYTES = 512

/** A file that comes now. */
export interface Coming {
  readonly bytes: number
  readonly bytesHave: number
}

export class Room {
  readonly #folder: StoreFolder
  readonly #diskMax: string | number | null
  readonly #filesBytes: () => number
  readonly #coming: ReadonlyMap<string, Coming>

  /** @param coming by its key. */
  constructor(
    folder: StoreFolder,
    diskMax: string | number | null,
    filesBytes: () => number,
    coming: ReadonlyMap<string, Coming>
  ) {
    this.#folder = folder
    this.#diskMax = diskMax
    this.#filesBytes = filesBytes
    this.#coming = coming
  }

  /** What the store may take; null where the disk is the limit. */
  async maxBytes(): Promise<number | null> {
    if (this.#diskMax === null) return null
    const { diskBytes } = await spaceOf(this.#folder.path)
    return Math.floor(memoryBytes(this.#diskMax, diskBytes)!)
  }

  /** Of files that are still to come, as far as they are there. */
  async partialBytes(): Promise<number> {
    let sum = 0
    for (const name of await readdir(this.#folder.partial).catch((): string[] => []))
      sum += await takenBy(join(this.#folder.partial, name))
    return sum
  }

  /** What can still come where this share of the disk stays free. */
  async left(freeShare: number): Promise<number> {
    let promised = 0
    for (const { bytes, bytesHave } of this.#coming.values()) promised += bytes - bytesHave
    const { freeBytes, diskBytes } = await spaceOf(this.#folder.path)
    const ofDisk = freeBytes - promised - Math.max(SPARE_BYTES, diskBytes * freeShare)
    const maxBytes = await this.maxBytes()
    if (maxBytes === null) return Math.max(0, Math.floor(ofDisk))
    const taken = this.#filesBytes() + (await this.partialBytes()) + promised
    return Math.max(0, Math.floor(Math.min(ofDisk, maxBytes - taken)))
  }

  /**
   * @param key of the file that is to come, of which a part may be there.
   * @throws {LumosError} `WEIGHTS_FULL`, with both numbers.
   */
  async check(bytes: number, key?: string): Promise<void> {
    const there = key === undefined ? 0 : await takenBy(join(this.#folder.partial, `${key}.data`))
    let promised = 0
    for (const { bytes, bytesHave } of this.#coming.values()) promised += bytes - bytesHave
    const wanted = Math.max(0, bytes - there)
    const { freeBytes } = await spaceOf(this.#folder.path)
    if (wanted > 0 && wanted + promised + SPARE_BYTES > freeBytes)
      throw noRoom(wanted, freeBytes - promised - SPARE_BYTES, `the disk of ${this.#folder.path}`)
    const maxBytes = await this.maxBytes()
    if (maxBytes === null) return
    const taken = this.#filesBytes() + (await this.partialBytes()) + promised
    if (wanted > 0 && taken + wanted > maxBytes) throw noRoom(wanted, maxBytes - taken, 'weights.diskMax')
  }
}

/** Sparse files take less than they are long. */
async function takenBy(path: string): Promise<number> {
  const stats = await stat(path).catch(() => undefined)
  if (!stats?.isFile()) return 0
  return process.platform === 'win32' ? stats.size : Math.min(stats.size, stats.blocks * BLOCK_BYTES)
}
