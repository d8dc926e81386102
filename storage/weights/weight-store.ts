/**
 * Weights on disk. SQLite knows which files are whole; the directory has their bytes.
 *
 * A file is flushed, gets its name, and only then becomes a row. What was written last before an unclean stop, and what
 * has another size, time or inode than its row says, is hashed again before it is served.
 */

import type { Clock, Random } from '../../interface/clock.ts'
import type { AbortOptions, Logger } from '../../interface/lifecycle.ts'
import { LEAF_BYTES } from '../../interface/limits.ts'
import type { Repository, RepositoryFile } from '../../interface/weights.ts'
import type { Database } from '../database/database.ts'
import { checked, idsOf } from './checked-repository.ts'
import { leafDag, leafDigest } from './cid.ts'
import { invalidWeights } from './failure.ts'
import { linkOrMove, StoreFolder, sealOf, setMode, syncFolder } from './folder.ts'
import { type Ground, Turns } from './ground.ts'
import type { Dag } from './hash-messages.ts'
import { HashThread } from './hash-thread.ts'
import { LeafReader } from './leaf-reader.ts'
import { directoryOf, READABLE_FILE } from './model-directory.ts'
import { Partials } from './partials.ts'
import { type RepositoryRow, RepositoryTable } from './repository-table.ts'
import { type Coming, Room } from './room.ts'
import { Runs } from './runs.ts'
import { checkSuspects, lookAtAll, replaceModel, settle } from './settle.ts'
import { type FileRow, FileTable } from './tables.ts'
import type { PartialFile, StoredFile, StoredRepository, WeightStore } from './types.ts'

export interface WeightStoreComponents {
  readonly database: Database
  readonly directory: string
  /** As in the settings: bytes, or a share of the disk. */
  readonly diskMax: string | number | null
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Models came or went in the directory for engines. */
  onChange(): void
}

export class DiskWeightStore implements WeightStore {
  readonly ground: Ground
  readonly partials: Partials
  readonly #runs: Runs
  readonly #closing = new AbortController()
  #checking: Promise<void> = Promise.resolve()

  private constructor({ database, directory, diskMax, clock, random, log, onChange }: WeightStoreComponents) {
    this.#runs = new Runs(database, random)
    const files = new FileTable(database)
    this.ground = {
      ...{ clock, log, onChange, files },
      folder: new StoreFolder(directory, this.#runs),
      repositories: new RepositoryTable(database),
      thread: new HashThread(clock),
      reader: new LeafReader(clock),
      changes: new Turns()
    }
    const { folder } = this.ground
    const room = (coming: ReadonlyMap<string, Coming>) =>
      new Room(folder, diskMax, () => files.bytes(), coming)
    this.partials = new Partials(this.ground, room, (...file) => this.publish(...file))
  }

  /**
   * Nothing is served that may have changed: what must be hashed again before is hashed after this returns.
   *
   * @throws {LumosError} `HOME_LOCKED` or `CONFIG_INVALID` where the directory cannot be this store's.
   */
  static async open(components: WeightStoreComponents): Promise<DiskWeightStore> {
    const store = new DiskWeightStore(components)
    await lookAtAll(store.ground, store.#runs.unclean)
    store.#checkSuspects()
    return store
  }

  file(sha256: string): StoredFile | undefined {
    return served(this.ground.files.bySha256(sha256))
  }

  fileByCid(cid: string): StoredFile | undefined {
    return served(this.ground.files.byCid(cid))
  }

  async partial(key: string, bytes: number, options: AbortOptions = {}): Promise<PartialFile> {
    return await this.partials.open(key, bytes, options)
  }

  async block(cid: string, into?: Uint8Array): Promise<Uint8Array | undefined> {
    const digest = leafDigest(cid)
    if (digest === undefined) return this.ground.files.node(cid)
    const found = this.ground.files.leaf(digest)
    return found === undefined ? await this.partials.leaf(digest) : await this.#read(found, into)
  }

  hasBlock(cid: string): boolean {
    const { files } = this.ground
    const digest = leafDigest(cid)
    if (digest === undefined) return files.node(cid) !== undefined
    return files.leaf(digest) !== undefined || this.partials.has(digest)
  }

  putNode = (cid: string, bytes: Uint8Array): void => this.ground.files.putNode(cid, bytes)

  digestsOf = (...leaves: Parameters<FileTable['digestsOf']>) => this.ground.files.digestsOf(...leaves)

  async fileDag(bytes: number, digests: Uint8Array, options?: AbortOptions): Promise<Dag> {
    return bytes <= LEAF_BYTES
      ? leafDag(bytes, digests)
      : await this.ground.thread.fileDag(bytes, digests, options)
  }

  namesOf(cid: string): readonly string[] {
    return this.ground.repositories.namesOf(cid)
  }

  async directoryOf(files: readonly RepositoryFile[], options: AbortOptions = {}): Promise<string> {
    const dag = await this.#directoryDag(files, options)
    for (const { cid, bytes } of dag.nodes) this.putNode(cid, bytes)
    return dag.cid
  }

  repositories(): readonly StoredRepository[] {
    return this.ground.repositories.all().flatMap(row => this.#stored(row) ?? [])
  }

  repository(ref: string): StoredRepository | undefined {
    const row = this.ground.repositories.find(ref)
    return row && this.#stored(row)
  }

  called(name: string): Pick<Repository, 'name' | 'cid'> | undefined {
    return this.ground.repositories.called(name)
  }

  async checkRoom(bytes: number, keys: readonly string[]): Promise<void> {
    await this.partials.room.check(bytes, keys)
  }

  async add(given: Repository, envelope: Uint8Array, options: AbortOptions = {}): Promise<StoredRepository> {
    const repository = checked(given)
    const dag = await this.#directoryDag(repository.files, options)
    if (dag.cid !== repository.cid)
      throw invalidWeights(
        `${repository.name} is said to be ${repository.cid}, and its files are ${dag.cid}.`
      )
    return await this.ground.changes.take(async () => {
      const { repositories, onChange } = this.ground
      const ids = idsOf(this.ground.files, repository)
      const before = repositories.called(repository.name)
      if (before !== undefined && before.name !== repository.name)
        throw invalidWeights(
          `${repository.name} differs from ${before.name} in case only, and both cannot be here.`
        )
      await replaceModel(this.ground, before, repository)
      if (before?.cid === repository.cid) repositories.renew(before.id, envelope)
      else repositories.keep(repository, envelope, dag, ids)
      const row = repositories.find(repository.name)!
      await settle(this.ground, row)
      onChange()
      return this.#stored(row)!
    })
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('The store of weights is closed.'))
    await this.partials.close()
    await this.ground.thread.close()
    await this.ground.reader.close()
    await this.#checking
    await this.ground.changes.take(async () => this.#runs.end())
    this.ground.folder[Symbol.dispose]()
  }

  /** The flushed file at `path` becomes one of the store. */
  async publish(path: string, file: StoredFile, digests: Uint8Array, dag: Dag): Promise<void> {
    const { folder, files, clock, changes } = this.ground
    await changes.take(async () => {
      if (files.bySha256(file.sha256)?.state === 'whole') return
      const place = folder.fileOf(file.sha256)
      await setMode(path, READABLE_FILE)
      await linkOrMove(path, place)
      await syncFolder(folder.files)
      const kept = {
        ...file,
        seal: (await sealOf(place))!,
        run: this.#runs.run,
        keptAtMs: Math.round(clock.wallMs())
      }
      await files.keep(kept, digests, dag, () => syncFolder(folder.files))
      for (const row of this.ground.repositories.having(files.bySha256(file.sha256)!.id)) {
        await settle(this.ground, row)
        this.ground.onChange()
      }
    })
  }

  async #directoryDag(files: readonly RepositoryFile[], options: AbortOptions): Promise<Dag> {
    const linked = files.map(({ path, cid, bytes, sha256 }) => {
      const known = this.ground.files.bySha256(sha256)
      return { path, cid, bytes, dagBytes: known?.cid === cid ? known.dagBytes : undefined }
    })
    return await this.ground.thread.directoryDag(linked, options)
  }

  async #read({ n, bytes, seal, sha256, id }: FileRow & { n: number }, into?: Uint8Array) {
    try {
      const path = this.ground.folder.fileOf(sha256)
      const leaf = await this.ground.reader.read({ path, bytes, seal }, n, into)
      if (leaf !== undefined) return leaf
    } catch (err) {
      this.ground.log.warn({ err, file: sha256 }, 'a file of weights cannot be read')
    }
    this.ground.files.mark(id, 'suspect')
    this.#checkSuspects()
    return undefined
  }

  #checkSuspects(): void {
    const { signal } = this.#closing
    const { log } = this.ground
    this.#checking = this.#checking
      .then(() => checkSuspects(this.ground, { signal }))
      .catch(err => {
        if (!signal.aborted) log.error({ err }, 'files of weights could not be checked')
      })
  }

  #stored(row: RepositoryRow): StoredRepository | undefined {
    const members = this.ground.repositories.filesOf(row.id)
    if (members.some(({ state }) => state !== 'whole')) return undefined
    return {
      name: row.name,
      cid: row.cid,
      bytes: row.bytes,
      files: members.map(({ path, bytes, sha256, cid }) => ({ path, bytes, sha256, cid })),
      envelope: row.envelope,
      pinned: row.pinned === 1,
      directory: directoryOf(this.ground.folder, row.name)
    }
  }
}

const served = (row: FileRow | undefined): StoredFile | undefined =>
  row?.state === 'whole' ? { sha256: row.sha256, cid: row.cid, bytes: row.bytes } : undefined
