/** The weights of a device, as its owner and programs use them. */

import { dirname, isAbsolute, join, sep } from 'node:path'
import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type {
  Collected,
  CollectOptions,
  DiskUse,
  FoundModel,
  Holder,
  Imported,
  Replicated,
  Repository,
  Verified,
  Weights,
  WeightsDetail,
  WeightsInfo,
  WeightsProgress
} from '../../interface/weights.ts'
import { collect, diskUse, removeRepository, verify } from '../../storage/weights/housekeeping.ts'
import type { MemberRow, RepositoryRow } from '../../storage/weights/repository-table.ts'
import { DiskWeightStore } from '../../storage/weights/weight-store.ts'
import type { Feature, FeatureComponents, MeshContext, Participation } from '../feature.ts'
import { exportFiles } from './export-files.ts'
import { importPath } from './import-path.ts'
import { infoOf, rowOf } from './info.ts'
import { localJobs } from './jobs.ts'
import { knownModels } from './known-models.ts'
import type { OriginSettings } from './origins/index.ts'
import type { PublicHost } from './public/host.ts'
import type { PublicSettings } from './public/settings.ts'
import { Pulling } from './pulling.ts'
import { quantizeJob } from './quantize/job.ts'
import type { CopySettings } from './replication/settings.ts'

export interface WeightSettings {
  readonly directory: string | null
  readonly diskMax: string | number | null
  readonly copies: CopySettings
  readonly origins: OriginSettings
  readonly public: PublicSettings
}

export class WeightsFeature implements Feature<Weights>, Weights {
  readonly name = 'weights'
  readonly facet = this
  readonly jobs
  readonly store: DiskWeightStore
  readonly #components: FeatureComponents
  readonly #pulling: Pulling
  #publicHost: PublicHost | undefined

  /** Has the engines see what came or went. */
  readonly #refresh: () => Promise<void>
  readonly #seal = (repository: Repository) => this.#pulling.seal(repository)

  private constructor(components: FeatureComponents, store: DiskWeightStore, refresh: () => Promise<void>) {
    this.#components = components
    this.#refresh = refresh
    this.store = store
    const { origins, copies } = components.settings as WeightSettings
    const { database } = components
    this.#pulling = new Pulling({
      ...components,
      ...{ database, store, origins, copies, refresh, weights: this }
    })
    const quantizes = quantizeJob({ ...components, store, seal: this.#seal, refresh })
    this.jobs = [...localJobs(this, components), quantizes, ...this.#pulling.jobs]
  }

  static async of(components: FeatureComponents): Promise<WeightsFeature> {
    const { settings, directory, catalogue, database, clock, random, log } = components
    const { directory: elsewhere, diskMax } = settings as WeightSettings
    let refresh = async (): Promise<void> => undefined
    let changed = (): void => undefined
    const store = await DiskWeightStore.open({
      ...{ database, clock, random, log, diskMax },
      directory: elsewhere ?? directory,
      onChange() {
        void refresh()
        changed()
      }
    })
    // Not before the store has withdrawn what may be damaged.
    const { folder, repositories } = store.ground
    refresh = await catalogue.include(folder.models, id => repositories.find(id)?.cid)
    const feature = new WeightsFeature(components, store, refresh)
    changed = knownModels(repositories, components.emit, () => feature.#pulling.changed())
    return feature
  }

  join(mesh: MeshContext): Participation {
    const participation = this.#pulling.join(mesh)
    return {
      ...participation,
      start: async () => {
        await participation.start?.()
        await this.#openToStrangers()
      },
      stop: async () => {
        await this.#publicHost?.stop()
        this.#publicHost = undefined
        await participation.stop?.()
      }
    }
  }

  async close(): Promise<void> {
    await this.#pulling.close()
    await this.store.close()
  }

  list(): WeightsInfo[] {
    return this.#rows().map(row => this.#infoOf(row))
  }

  show(ref: string): WeightsDetail {
    const row = this.#rowOf(ref)
    const members = this.#membersOf(row)
    const files = members.map(({ path, bytes, sha256, cid, problem }) => ({
      path,
      bytes,
      sha256,
      cid,
      problem
    }))
    return { ...this.#infoOf(row, members), files }
  }

  async import(path: string, options: WeightsProgress & { name?: string } = {}): Promise<Imported> {
    if (!isAbsolute(path)) throw new InvalidInputError(`${path} is no absolute path.`)
    const home = dirname(this.#components.directory)
    const imported = await importPath({ store: this.store, seal: this.#seal, home }, path, options)
    await this.#refresh()
    return imported
  }

  async export(
    ref: string,
    path: string,
    options: WeightsProgress = {}
  ): Promise<{ path: string; bytes: number }> {
    if (!isAbsolute(path)) throw new InvalidInputError(`${path} is no absolute path.`)
    const { name } = this.#rowOf(ref)
    const repository = this.store.repository(name)
    if (repository === undefined)
      throw new LumosError('WEIGHTS_INVALID', `${name} is not whole.`, { hint: HEAL_HINT })
    const { folder } = this.store.ground
    await exportFiles(repository, sha256 => folder.fileOf(sha256), path, options)
    return { path, bytes: repository.bytes }
  }

  async remove(ref: string, { force = false }: { force?: boolean } = {}): Promise<WeightsInfo> {
    const row = this.#rowOf(ref)
    const info = this.#infoOf(row)
    const busy = this.#inUse(info.directory)
    if (!force && row.pinned === 1)
      throw new InvalidInputError(`${row.name} is pinned.`, {
        hint: `Let it go first: lumos-node models unpin ${row.name}`
      })
    if (!force && busy !== undefined)
      throw new InvalidInputError(`${busy} is loaded, and its files are in use.`, {
        hint: `Unload it first: lumos-node model unload ${busy}`
      })
    this.#pulling.replication.refuse(row.cid)
    await removeRepository(this.store, row)
    await this.#refresh()
    return info
  }

  pin(ref: string): WeightsInfo {
    return this.#pin(ref, true)
  }

  unpin(ref: string): WeightsInfo {
    return this.#pin(ref, false)
  }

  async gc(options: CollectOptions = {}): Promise<Collected> {
    return await collect(this.store, options)
  }

  async du(): Promise<DiskUse> {
    return await diskUse(this.store)
  }

  async verify(ref?: string, options: WeightsProgress = {}): Promise<Verified> {
    return await verify(this.store, ref === undefined ? this.#rows() : [this.#rowOf(ref)], options)
  }

  async where(ref: string, options?: AbortOptions): Promise<Holder[]> {
    return await this.#pulling.where(ref, options)
  }

  async replicate(ref: string, copies: number, options?: AbortOptions): Promise<Replicated> {
    return await this.#pulling.replicate(ref, copies, options)
  }

  copiesOf(ref: string): number | null {
    return this.#pulling.replication.copiesOf(ref)
  }

  async search(words: string, options: AbortOptions & { limit?: number } = {}): Promise<FoundModel[]> {
    return await this.#pulling.search(words, options)
  }

  /** Its code is loaded only where a model is public. */
  async #openToStrangers(): Promise<void> {
    const { settings, directory, clock, log } = this.#components
    const { public: wanted } = settings as WeightSettings
    if (wanted.models.length === 0) return
    const { PublicHost } = await import('./public/host.ts')
    const parts = { settings: wanted, store: this.store, directory, clock, log }
    this.#publicHost = await PublicHost.start(parts)
  }

  #pin(ref: string, pinned: boolean): WeightsInfo {
    const { id } = this.#rowOf(ref)
    this.store.ground.repositories.pin(id, pinned)
    return this.#infoOf(this.#rowOf(ref))
  }

  #rows(): readonly RepositoryRow[] {
    return this.store.ground.repositories.all()
  }

  #rowOf(ref: string): RepositoryRow {
    return rowOf(this.store, ref)
  }

  #membersOf({ id }: RepositoryRow): MemberRow[] {
    return this.store.ground.repositories.filesOf(id)
  }

  #infoOf(row: RepositoryRow, members = this.#membersOf(row)): WeightsInfo {
    return infoOf(this.store, row, members, this.copiesOf(row.cid))
  }

  /** A model that is loaded from there. */
  #inUse(directory: string): string | undefined {
    const { catalogue, registry } = this.#components
    const loaded = new Set(registry.models().flatMap(({ model, warm }) => (warm ? model : [])))
    return catalogue.found.find(
      ({ id, parts }) => loaded.has(id) && parts.some(path => path.startsWith(join(directory, sep)))
    )?.id
  }
}

const HEAL_HINT = 'Fetch or import it again: what is right with it is kept.'
