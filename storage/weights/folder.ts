/**
 * The directory of a store of weights on disk:
 *
 * - `files/SHA256`: whole files, read only
 * - `partial/KEY.data` and `KEY.journal`: files that are still to come
 * - `models/NAME/…`: hard links to whole files, for engines
 * - `store`: whose it is, so that two homes cannot take each other's files for waste
 *
 * It is made with the first file. One process at a time uses it.
 */

import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync } from 'node:fs'
import { chmod, link, open, rename, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { LumosError } from '../../interface/errors.ts'
import { PRIVATE_DIR_MODE, writeFileDurably } from '../database/durable-file.ts'
import { storeFailure } from '../database/failure.ts'
import { HomeLock } from '../home/home-lock.ts'

const WRITABLE_BY_OTHERS = 0o022
const NO_MODES: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EINVAL'])
const OTHER_STORE = 'Stop that node, or give this one a directory of its own: weights.directory.'

/** The database that knows what is in a directory. */
export interface StoreOwner {
  readonly id: string
  /** The id is on disk once this returns. */
  begin(): void
}

export class StoreFolder implements Disposable {
  readonly path: string
  readonly files: string
  readonly partial: string
  readonly models: string
  readonly #owner: StoreOwner
  #lock: HomeLock | undefined

  constructor(path: string, owner: StoreOwner) {
    this.path = path
    this.files = join(path, 'files')
    this.partial = join(path, 'partial')
    this.models = join(path, 'models')
    this.#owner = owner
    if (existsSync(path)) this.ready()
  }

  /**
   * Makes what is missing.
   *
   * @throws {LumosError} `HOME_LOCKED` while another process uses it, `CONFIG_INVALID` when it is another store's.
   */
  ready(): void {
    if (this.#lock !== undefined) return
    try {
      mkdirSync(this.path, { recursive: true, mode: PRIVATE_DIR_MODE })
      for (const path of [this.files, this.partial, this.models]) {
        mkdirSync(path, { recursive: true, mode: PRIVATE_DIR_MODE })
        keepOurs(path)
      }
      const lock = HomeLock.take(this.path, OTHER_STORE)
      try {
        this.#claim()
      } catch (err) {
        lock[Symbol.dispose]()
        throw err
      }
      this.#lock = lock
    } catch (err) {
      throw storeFailure(err, this.path)
    }
  }

  fileOf(sha256: string): string {
    return join(this.files, sha256)
  }

  [Symbol.dispose](): void {
    this.#lock?.[Symbol.dispose]()
    this.#lock = undefined
  }

  #claim(): void {
    const path = join(this.path, 'store')
    const { id } = this.#owner
    if (!existsSync(path)) {
      // The database knows its directory before the directory is anyone's: a kill in between leaves it to be taken.
      this.#owner.begin()
      writeFileDurably(path, `${id}\n`)
    } else if (readFileSync(path, 'utf8').trim() !== id) {
      throw new LumosError('CONFIG_INVALID', `${this.path} is the store of weights of another home.`, {
        hint: 'Give this node a directory of its own: weights.directory.'
      })
    }
  }
}

/**
 * Another user who may write in the directory could lead what is written there elsewhere, by a link of a known name.
 *
 * @throws {LumosError} `CONFIG_INVALID`
 */
function keepOurs(path: string): void {
  if (process.platform === 'win32') return
  const stats = lstatSync(path)
  // Root may do all of it anyway, and owns what is on some disks without users.
  if (!stats.isDirectory() || ![0, process.getuid?.()].includes(stats.uid)) {
    throw new LumosError('CONFIG_INVALID', `${path} is no folder of the user that this node runs as.`, {
      hint: 'Move it away, or give the node a directory of its own: weights.directory.'
    })
  }
  if ((stats.mode & WRITABLE_BY_OTHERS) === 0) return
  try {
    chmodSync(path, stats.mode & ~WRITABLE_BY_OTHERS)
  } catch {
    // A disk without users, as FAT, has no links either.
  }
}

/** What changes when the file does. Links to it, and reads, leave it as it is. */
export async function sealOf(path: string): Promise<string | undefined> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined)
  return stats?.isFile() ? sealFrom(stats) : undefined
}

export const sealFrom = ({ ino, size, mtimeNs }: { ino: bigint; size: bigint; mtimeNs: bigint }): string =>
  `${ino}:${size}:${mtimeNs}`

/** @returns bytes that this user may still write, and those of the whole disk. */
export async function spaceOf(path: string): Promise<{ freeBytes: number; diskBytes: number }> {
  let there = path
  while (!existsSync(there)) there = dirname(there)
  const { bavail, blocks, bsize } = await statfs(there)
  return { freeBytes: bavail * bsize, diskBytes: blocks * bsize }
}

/** Another name of the same file. Where the disk has none, as FAT, the file moves. */
export async function linkOrMove(from: string, to: string): Promise<void> {
  await rm(to, { force: true })
  await link(from, to).catch(() => rename(from, to))
}

/** A disk without users, as FAT, refuses modes that it cannot keep, and nothing depends on them there. */
export async function setMode(path: string, mode: number): Promise<void> {
  await chmod(path, mode).catch(err => {
    if (!NO_MODES.has(err.code)) throw err
  })
}

/** A new name is durable once its directory is. Windows cannot open directories and needs no such thing. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  await using folder = await open(path, 'r')
  await folder.sync()
}
