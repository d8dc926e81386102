/**
 * The models that this node has now: those that its settings or its program
 * name, and those in folders, which come and go while it runs.
 *
 * A model that is broken, late or called like another is left out with the
 * reason. Nothing here keeps a node from starting.
 */

import type { Clock } from '../../interface/clock.ts'
import type { Logger, Startable } from '../../interface/lifecycle.ts'
import { CAPABILITIES_MAX, Offered } from '../../interface/manifest.ts'
import type { LeftOut } from '../../interface/node.ts'
import type { Engine, Model } from '../host/engine.ts'
import { type Adapt, Adapters, refused } from './adapters.ts'
import { invalid } from './description.ts'
import type { EnginesHere, FoundModel, PlacedModel } from './found-model.ts'
import { ModelFolder, type ModelFolderOptions } from './model-folder.ts'

/** A node starts without the models of a folder that takes longer, as on a slow network drive. */
const FIRST_LOOK_MS = 5000

type Claimed = Pick<Model, 'id' | 'aliases' | 'tasks' | 'contextTokens'> & Partial<Pick<Model, 'slots'>>
/** Peers refuse the whole manifest of a device of which one model states others. */
const Stated = Offered.pick({ slots: true, contextTokens: true }).partial()

interface Served extends PlacedModel {
  /** Absent when it is fixed. */
  readonly found?: FoundModel
}

export interface CatalogueOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Models that stay; their ids go before those of folders. */
  readonly fixed: readonly PlacedModel[]
  /** Each holds one folder per model. Of two models with one id, that of the first directory is served. */
  readonly directories: readonly string[]
  /** Models that ship with the node: asked only where no device has one of that name. They come after all others. */
  readonly demonstrations?: string
  /** The directory that may be missing, because a person makes it with the first model. */
  readonly own?: string
  readonly engines?: EnginesHere
  /** What serves a model of a folder. */
  serve(found: FoundModel): Model
  /** A model together with an adapter of it. Absent: adapters are left out. */
  adapt?: Adapt
  /** Called with all models whenever they change, and with the ids of those that are not among them while their files change. */
  onChange(models: readonly Model[], changing: readonly string[]): void
}

export class Catalogue implements Startable {
  readonly #options: CatalogueOptions
  readonly #folders: ModelFolder[]
  readonly #demonstrations: ModelFolder | undefined
  /** Of folders whose models are repositories. */
  readonly #cidOf = new Map<ModelFolder, (id: string) => string | undefined>()
  readonly #adapters: Adapters
  /** Those that are served, by id. */
  #served: ReadonlyMap<string, Served> = new Map()
  #leftOut: readonly LeftOut[] = []
  /** Ids of models whose files change. */
  #changing = ''
  /** Models of servers, which come and go with them. */
  #ofServers: { readonly models: readonly PlacedModel[]; readonly leftOut: readonly LeftOut[] } = {
    models: [],
    leftOut: []
  }

  constructor(options: CatalogueOptions) {
    const { directories, demonstrations } = options
    this.#options = options
    const noAdapters: Adapt = ({ engine }) => {
      throw invalid(`it is an adapter, and ${engine} takes none`)
    }
    this.#adapters = new Adapters(options.adapt ?? noAdapters)
    const folderOf = (path: string): ModelFolder => this.#folderOf(path)
    this.#folders = [...new Set(directories)].map(folderOf)
    // One that the settings name too is a directory like any other.
    if (demonstrations !== undefined && !directories.includes(demonstrations))
      this.#demonstrations = folderOf(demonstrations)
  }

  /** Resolves once all folders were read, or took too long. */
  async start(): Promise<void> {
    this.#update()
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = this.#options.clock.setTimer(resolve, FIRST_LOOK_MS)
    await Promise.race([late, Promise.all(this.#all.map(folder => folder.start()))])
    timer.cancel()
  }

  stop(): void {
    for (const folder of this.#all) folder.stop()
  }

  get #all(): ModelFolder[] {
    return [...this.#folders, ...(this.#demonstrations === undefined ? [] : [this.#demonstrations])]
  }

  /** These are the models of servers from now on; ids of this node's own go before theirs. */
  setOfServers(models: readonly PlacedModel[], leftOut: readonly LeftOut[]): void {
    this.#ofServers = { models, leftOut }
    this.#update()
  }

  /**
   * One more directory, that of a store of weights, which may be missing, and comes after the others. Its models are called
   * as their folders are.
   * Resolves once it was read.
   *
   * @param cidOf of the repository of a model there, by which adapters name their base.
   * @returns reads it anew, when its owner has put a model there or taken one away.
   */
  async include(
    directory: string,
    cidOf: (id: string) => string | undefined = () => undefined
  ): Promise<() => Promise<void>> {
    const folder = this.#folderOf(directory, { optional: true, stored: true })
    this.#folders.push(folder)
    this.#cidOf.set(folder, cidOf)
    await folder.start()
    return () => folder.refresh()
  }

  /** An engine has come or gone: all folders are read anew. */
  async refresh(): Promise<void> {
    await Promise.all(this.#all.map(folder => folder.refresh()))
    this.#update()
  }

  #folderOf(path: string, how: Partial<ModelFolderOptions> = {}): ModelFolder {
    const { clock, engines, own } = this.#options
    const onChange = () => this.#update()
    return new ModelFolder(path, { clock, engines, optional: path === own, onChange, ...how })
  }

  /** Every folder and model that is not served, with the reason. */
  get leftOut(): readonly LeftOut[] {
    return this.#leftOut
  }

  /** The models of folders that are served. */
  get found(): readonly FoundModel[] {
    return [...this.#served.values()].flatMap(({ found }) => found ?? [])
  }

  /** CID of the repository of a model, where its folder has one. */
  cidOf(id: string): string | undefined {
    return [...this.#cidOf.values()].map(cidOf => cidOf(id)).find(cid => cid !== undefined)
  }

  /** Another engine for a model, besides the one that serves it. */
  engineOf(found: FoundModel): Engine {
    return this.#options.serve(found).engine
  }

  #update(): void {
    const before = this.#served
    const served = new Map<string, Served>()
    const leftOut: LeftOut[] = []
    let capabilities = 0
    const claim = (place: string, { id, aliases = [], tasks, ...stated }: Claimed): boolean => {
      const other = served.get(id)?.place
      const count = tasks.length * (1 + aliases.length)
      const full = capabilities + count > CAPABILITIES_MAX
      const isWrong = !Stated.safeParse(stated).success
      if (isWrong)
        leftOut.push(refused(place, id, 'It states slots or a context that peers would not believe.'))
      else if (other !== undefined)
        leftOut.push(refused(place, id, `"${id}" is also ${other}, which is served.`))
      else if (full)
        leftOut.push(refused(place, id, `A node offers at most ${CAPABILITIES_MAX} capabilities.`))
      else capabilities += count
      return other === undefined && !full && !isWrong
    }

    for (const placed of this.#options.fixed) {
      if (placed.engine !== undefined && this.#options.engines?.isStopped(placed.engine)) continue
      if (claim(placed.place, placed.model)) served.set(placed.model.id, placed)
    }
    const isServed = (found: FoundModel): boolean => before.get(found.id)?.found === found
    // A model that is served keeps its id when a copy of it comes.
    const found = this.#withAdapters(leftOut)
    for (const model of [...found.filter(isServed), ...found.filter(one => !isServed(one))]) {
      const { id, folder: place } = model
      if (!claim(place, model)) continue
      served.set(id, (isServed(model) && before.get(id)) || this.#serve(model))
    }
    for (const placed of this.#ofServers.models) {
      if (claim(placed.place, placed.model)) served.set(placed.model.id, placed)
    }
    for (const model of this.#demonstrations?.models ?? []) {
      const { id, folder: place } = model
      if (served.has(id) || !claim(place, model)) continue
      served.set(id, (isServed(model) && before.get(id)) || this.#serve(model, { demonstration: true }))
    }
    for (const folder of this.#all) leftOut.push(...folder.leftOut)
    leftOut.push(...this.#ofServers.leftOut)
    this.#replace(served, leftOut)
  }

  /** The models of all folders, each adapter together with its base. */
  #withAdapters(leftOut: LeftOut[]): FoundModel[] {
    const all = this.#folders.flatMap(folder =>
      folder.models.map(model => ({ model, cid: this.#cidOf.get(folder)?.(model.id) }))
    )
    const bases = all.filter(({ model }) => model.base === undefined)
    return all.flatMap(({ model }) => {
      if (model.base === undefined) return model
      try {
        return this.#adapters.adapted(model, bases)
      } catch (err) {
        leftOut.push(refused(model.folder, model.id, (err as Error).message))
        return []
      }
    })
  }

  #serve(found: FoundModel, more: Pick<Model, 'demonstration'> = {}): Served {
    const { aliases, format, fileBytes, folder: place } = found
    const model = { ...this.#options.serve(found), ...(aliases && { aliases }), format, fileBytes, ...more }
    return { place, found, model }
  }

  #replace(served: ReadonlyMap<string, Served>, leftOut: readonly LeftOut[]): void {
    const { log, onChange } = this.#options
    const before = this.#served
    const known = new Set(this.#leftOut.map(({ place, reason }) => place + reason))
    for (const one of leftOut) {
      if (!known.has(one.place + one.reason)) log.warn(one, 'model left out')
    }
    this.#served = served
    this.#leftOut = leftOut

    const models = [...served.values()].map(({ model }) => model)
    const changing = this.#all.flatMap(folder => folder.changing)
    const changed =
      models.length !== before.size ||
      models.some(model => before.get(model.id)?.model !== model) ||
      changing.join() !== this.#changing
    this.#changing = changing.join()
    if (changed) onChange(models, changing)
  }
}
