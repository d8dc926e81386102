/**
 * Engines that are not part of the package but brought on request: which are there, and how one comes and goes.
 *
 * The folder may be shared by several homes. An installation is made beside the others and moved into place whole, and
 * the file that names it is replaced at once, so a reader sees the old one or the new one.
 */

import { readFileSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import type { Clock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { ProgramSettings } from '../engines/external/program-settings.ts'
import { checkOwned } from './foreign-folder.ts'
import { type Package, remoteNameOf } from './package-list.ts'

/** Names the installation that counts. */
const INSTALLED = 'installed.json'
/** Small archives come by one request each, and most of their time is waiting. */
const DOWNLOADS_AT_ONCE = 4
/** Text is packed to a tenth at best; an archive that grows more is made for it. */
const UNPACKED_TIMES_MAX = 20
/** An engine may run as another user than its node. */
const FOLDER_MODE = 0o755

const Installed = z.object({
  version: z.string().max(64),
  /** Name of the folder that holds it. */
  folder: z.string().regex(/^\w[\w.+-]{0,127}$/),
  accelerators: z.array(z.string().max(32)).max(8)
})

export interface InstalledEngine {
  readonly version: string
  readonly accelerators: readonly string[]
  /** The folder with its `node_modules`. */
  readonly path: string
  /** The file that names it: it changes when another installation takes its place. */
  readonly mark: string
}

export interface InstallOptions extends AbortOptions {
  readonly packages: readonly Package[]
  readonly version: string
  readonly accelerators: readonly string[]
  /** A folder with the archives, instead of the registry. */
  readonly from?: string | undefined
  onProgress(doneBytes: number, totalBytes: number, what: string): void
}

export interface InstalledEnginesOptions {
  readonly directory: string
  /** Address of an npm registry. */
  readonly registry: string
  /** Of this home: what it has fetched in part is its own. */
  readonly owner: string
  readonly clock: Clock
  readonly fetch: typeof fetch
  /** Those that the settings allow. */
  readonly programs?: readonly ProgramSettings[]
}

export class InstalledEngines {
  readonly directory: string
  readonly programs: readonly ProgramSettings[]
  /** Names of those that their owner has stopped. */
  readonly stopped = new Set<string>()
  readonly #options: InstalledEnginesOptions

  constructor(options: InstalledEnginesOptions) {
    this.directory = options.directory
    this.programs = options.programs ?? []
    this.#options = options
  }

  /** Undefined where it is not installed, or what is there cannot be read, or is not to be run. */
  get(engine: string): InstalledEngine | undefined {
    try {
      return this.#read(engine)
    } catch {
      return undefined
    }
  }

  /** Why what is there is not to be run. */
  obstacle(engine: string): string | undefined {
    try {
      this.#read(engine)
      return undefined
    } catch (err) {
      return err instanceof LumosError ? err.message : undefined
    }
  }

  #read(engine: string): InstalledEngine {
    const home = join(this.directory, engine)
    const mark = join(home, INSTALLED)
    const { folder, ...rest } = Installed.parse(JSON.parse(readFileSync(mark, 'utf8')))
    const path = join(home, folder)
    for (const one of [this.directory, home, mark, path]) checkOwned(one)
    return { ...rest, mark, path }
  }

  isStopped(engine: string): boolean {
    return this.stopped.has(engine)
  }

  /** @throws {LumosError} `ENGINE_FAILED`, saying which archive could not be had, or what is wrong with it. */
  async install(engine: string, options: InstallOptions): Promise<InstalledEngine> {
    const { packages, version, accelerators, signal } = options
    const home = join(this.directory, engine)
    const work = join(home, `.install-${this.#options.owner}`)
    const tree = join(work, 'tree')
    try {
      await mkdir(work, { recursive: true, mode: FOLDER_MODE })
      for (const one of [this.directory, home, work]) checkOwned(one)
      await this.#fetchAll(work, options)
      await rm(tree, { recursive: true, force: true })
      // Loaded now: what it stands on is 2 MB, which a node without an installation under way does without.
      const { unpack } = await import('./tarball.ts')
      for (const one of packages) {
        options.onProgress(1, 1, `unpacks ${one.title}`)
        await unpack(join(work, one.file), join(tree, one.path), {
          bytesMax: one.bytes * UNPACKED_TIMES_MAX,
          signal
        })
      }
      const before = this.get(engine)
      const name = [version, ...accelerators, this.#options.owner].join('+')
      // An engine that runs keeps its files until the other one is in place.
      const folder = before?.path === join(home, name) ? `${name}+again` : name
      await rm(join(home, folder), { recursive: true, force: true })
      await rename(tree, join(home, folder))
      const draft = join(work, INSTALLED)
      await writeFile(draft, JSON.stringify({ version, folder, accelerators }))
      await rename(draft, join(home, INSTALLED))
      const gone = before !== undefined && before.path !== join(home, folder) ? [before.path] : []
      for (const path of [work, ...gone]) await rm(path, { recursive: true, force: true })
    } catch (err) {
      signal?.throwIfAborted()
      throw err instanceof LumosError ? err : refusedByDisk(err as NodeJS.ErrnoException)
    }
    return this.get(engine)!
  }

  /** @returns whether there was one. What was fetched in part goes, too. */
  async remove(engine: string): Promise<boolean> {
    const there = this.get(engine) !== undefined
    await rm(join(this.directory, engine), { recursive: true, force: true })
    return there
  }

  async #fetchAll(work: string, { packages, from, signal, onProgress }: InstallOptions): Promise<void> {
    const { registry, clock, fetch } = this.#options
    const { copyArchive, download } = await import('./download.ts')
    const total = packages.reduce((sum, { bytes }) => sum + bytes, 0)
    let done = 0
    const waiting = [...packages]
    const one = async (archive: Package): Promise<void> => {
      signal?.throwIfAborted()
      const file = join(work, archive.file)
      const onBytes = (bytes: number): void => {
        done += bytes
        onProgress(done, total, `brings ${archive.title}`)
      }
      if (from === undefined) {
        const url = `${registry.replace(/\/+$/, '')}/${archive.name}/-/${remoteNameOf(archive)}`
        await download(url, file, archive, { fetch, clock, onBytes, signal })
      } else {
        await copyArchive(join(from, archive.file), file, archive)
        onBytes(archive.bytes)
      }
    }
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await one(next)
    }
    await Promise.all(Array.from({ length: DOWNLOADS_AT_ONCE }, worker))
  }
}

const refusedByDisk = ({ code, message }: NodeJS.ErrnoException): LumosError =>
  new LumosError(
    code === 'ENOSPC' ? 'STORE_FULL' : 'STORE_FAILED',
    `The engine cannot be written: ${message}.`
  )
