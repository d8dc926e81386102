/**
 * A node's home directory: one process at a time, one format version, and the
 * places of everything that is kept.
 *
 * `format` is written last, so its presence means that the home was completely
 * made.
 */

import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { LumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { TokenStore } from '../../interface/tokens.ts'
import { type Database, openCacheDatabase, openDatabase } from '../database/database.ts'
import { DRAFT_ENDING, PRIVATE_DIR_MODE, writeFileDurably } from '../database/durable-file.ts'
import { storeDamaged, storeFailure } from '../database/failure.ts'
import { type FeatureTables, featureMigrations } from '../database/feature-database.ts'
import { CACHE_MIGRATIONS, CORE_MIGRATIONS } from '../database/schema.ts'
import { checkFormat, FORMAT } from './format.ts'
import { gatewayTokenPath, makeGatewayToken, readGatewayToken } from './gateway-token.ts'
import { HomeLock } from './home-lock.ts'
import { type RunInfo, removeRunFile, writeRunFile } from './run-file.ts'
import { makeSocketPath, removeSocketPath } from './socket-path.ts'
import { tokenFile } from './token-file.ts'

/** What must be free before a disk that was full counts as cured: a few dozen commits. */
const SPACE_BYTES = 256 * 1024
/** The home above is private. An engine of root starts in this folder as another user, which must read the files in it. */
const MODELS_DIR_MODE = 0o755
/** SQLite's own default (SQLITE_MAX_PAGE_COUNT). */
const PAGES_MAX = 0xffff_fffe

/** Engines of root run as another user where there is no sandbox, and that user may not enter a home. */
const SYSTEM_ENGINES = '/var/lib/lumos-node/engines'
const isRoot = process.platform !== 'win32' && process.getuid?.() === 0

interface DataDirParts {
  readonly lock: HomeLock
  readonly core: Database
  readonly cache: Database
  readonly socketPath: string
  readonly log: Logger | undefined
}

export class DataDir implements AsyncDisposable {
  readonly path: string
  readonly core: Database
  readonly cache: Database
  /** Where the node listens for its CLI; the gateway makes it. */
  readonly socketPath: string
  readonly identityPath: string
  /** The root key of the mesh; on devices that hold it. */
  readonly meshRootPath: string
  readonly tokenPath: string
  /** Named tokens of the gateway. */
  readonly tokens: TokenStore
  readonly modelsDir: string
  /** Where engines are installed unless the settings say. */
  readonly enginesDir: string
  readonly logDir: string
  readonly #lock: HomeLock
  readonly #features = new Map<string, Database>()
  readonly #log: Logger | undefined
  #failure: LumosError | undefined

  /** Everything is open already; see {@link openDataDir}. */
  constructor(path: string, parts: DataDirParts) {
    this.path = path
    this.#log = parts.log
    this.core = parts.core
    this.cache = parts.cache
    this.socketPath = parts.socketPath
    this.identityPath = join(path, 'identity.key')
    this.meshRootPath = join(path, 'mesh-root.key')
    this.tokenPath = gatewayTokenPath(path)
    this.tokens = tokenFile(path)
    this.modelsDir = join(path, 'models')
    this.enginesDir = isRoot ? SYSTEM_ENGINES : join(path, 'engines')
    this.logDir = join(path, 'logs')
    this.#lock = parts.lock
  }

  /** The secret that programs on this device show to the gateway; made on first use. */
  gatewayToken(): string {
    return readGatewayToken(this.tokenPath) ?? makeGatewayToken(this.tokenPath)
  }

  /** The database of a feature, open until the home closes; made on first use. No two features share a name. */
  featureDatabase(name: string, tables: FeatureTables): Database {
    const path = join(this.path, `feature-${name}.db`)
    const onFailure = (failure: LumosError) => this.failed(failure)
    const migrations = featureMigrations(tables)
    const database = tables.rebuildable
      ? openCacheDatabase(path, { migrations, synchronous: 'NORMAL', onFailure }, this.#log)
      : openDatabase(path, { migrations, synchronous: 'FULL', onFailure })
    this.#features.set(name, database)
    return database
  }

  /** What the disk refused last: `STORE_FULL`, `STORE_FAILED` or `STORE_DAMAGED`; none while all is well. */
  get failure(): LumosError | undefined {
    return this.#failure
  }

  /** Remember that the disk refused something, until {@link retry} finds that it takes it again. */
  failed(failure: LumosError): void {
    this.#failure = failure
  }

  /**
   * Try what the disk refused: whether all databases can be used, and there is some space.
   *
   * @throws {LumosError} what `failure` then is too.
   */
  retry(): void {
    const path = join(this.path, 'space')
    try {
      for (const database of this.#databases) database.prepare('SELECT 1').get()
      writeFileDurably(path, new Uint8Array(SPACE_BYTES))
      this.#failure = undefined
    } catch (err) {
      if (err instanceof LumosError) this.failed(err)
      throw err
    } finally {
      rmSync(path, { force: true })
    }
  }

  /** For simulations and tests: SQLite refuses to add a page to any database, as on a full disk, or may again. */
  refuseGrowth(refused: boolean): void {
    for (const database of this.#databases) {
      const { page_count: pages } = database.prepare<{ page_count: number }>('PRAGMA page_count').get()!
      database.prepare(`PRAGMA max_page_count = ${refused ? pages : PAGES_MAX}`).get()
    }
  }

  /** Tell the CLI where this node can be reached, until `close`. */
  writeRunFile(info: RunInfo): void {
    writeRunFile(this.path, info)
  }

  /** Everything is on disk and the home is free for the next process once this returns. */
  close(): void {
    removeRunFile(this.path)
    removeSocketPath(this.path, this.socketPath)
    for (const database of this.#databases) database.close()
    this.#lock[Symbol.dispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  get #databases(): Database[] {
    return [this.core, this.cache, ...this.#features.values()]
  }
}

/**
 * Open or make the home at `path`.
 *
 * @throws {LumosError} `HOME_LOCKED`, `HOME_NEWER`, `STORE_DAMAGED`, `STORE_FULL`, or `CONFIG_INVALID`
 * when the path cannot be used; in each case what was there stays as it was.
 */
export async function openDataDir(path: string, options: { log?: Logger } = {}): Promise<DataDir> {
  try {
    mkdirSync(path, { recursive: true, mode: PRIVATE_DIR_MODE })
    const complete = checkFormat(path)

    await using opened = new AsyncDisposableStack()
    const lock = opened.use(HomeLock.take(path))
    removeDrafts(path)
    const onFailure = (failure: LumosError) => dataDir?.failed(failure)
    let dataDir: DataDir | undefined
    const core = opened.use(openCore(join(path, 'core.db'), complete, onFailure))
    const cachePath = join(path, 'cache.db')
    const cacheOptions = { migrations: CACHE_MIGRATIONS, synchronous: 'NORMAL', onFailure } as const
    const cache = opened.use(openCacheDatabase(cachePath, cacheOptions, options.log))

    dataDir = new DataDir(path, { lock, core, cache, socketPath: makeSocketPath(path), log: options.log })
    mkdirSync(dataDir.logDir, { recursive: true, mode: PRIVATE_DIR_MODE })
    mkdirSync(dataDir.modelsDir, { recursive: true, mode: MODELS_DIR_MODE })
    // The home is locked, so this one is a killed process's.
    removeRunFile(path)
    if (!complete) writeFileDurably(join(path, 'format'), `${FORMAT}\n`)

    opened.move()
    return dataDir
  } catch (err) {
    throw storeFailure(err, path)
  }
}

/** The home is locked, so a draft is one that a killed process left; some hold a secret. */
function removeDrafts(home: string): void {
  for (const name of readdirSync(home)) if (name.endsWith(DRAFT_ENDING)) rmSync(join(home, name))
}

function openCore(path: string, complete: boolean, onFailure: (failure: LumosError) => void): Database {
  // SQLite takes an empty file for a new database. Ours never is: its counters
  // would silently start again.
  if (complete && existsSync(path) && statSync(path).size === 0) {
    throw storeDamaged(
      path,
      'it is empty',
      'Restore it from a backup, or remove it to start with new counters.'
    )
  }
  return openDatabase(path, { migrations: CORE_MIGRATIONS, synchronous: 'FULL', onFailure })
}
