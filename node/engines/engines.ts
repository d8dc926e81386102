import { ENGINE_KINDS, type EngineKind } from '../../capabilities/index.ts'
import type { EngineFeatures, EngineInfo, LumosEngine } from '../../interface/engines.ts'
import { InvalidInputError } from '../../interface/errors.ts'
import { definitionOf } from '../../interface/tasks/index.ts'
import type { Feature, FeatureComponents } from '../feature.ts'
import { engineInstall } from './engine-install.ts'
import { watchEngines } from './health.ts'

/** Which engines are stopped is on disk; the engines of the device and their models look there through `stopped`. */
export class EnginesFeature implements Feature<LumosEngine>, LumosEngine {
  readonly name = 'engine'
  readonly facet = this
  readonly jobs
  readonly #components: FeatureComponents

  constructor(components: FeatureComponents) {
    this.#components = components
    this.jobs = [engineInstall(components, name => this.#kindOf(name))]
    watchEngines(components, id => this.list().find(({ models }) => models.includes(id))?.name)
  }

  static async of(components: FeatureComponents): Promise<EnginesFeature> {
    const stopped = components.database.prepare<{ engine: string }>('SELECT engine FROM stopped').all()
    for (const { engine } of stopped) components.engines.stopped.add(engine)
    if (stopped.length > 0) await components.catalogue.refresh()
    return new EnginesFeature(components)
  }

  list(): EngineInfo[] {
    return ENGINE_KINDS.map(kind => this.#infoOf(kind))
  }

  get(name: string): EngineInfo {
    return this.#infoOf(this.#kindOf(name))
  }

  features(name: string): EngineFeatures {
    const { models } = this.get(name)
    const served = this.#components.registry.models().filter(({ model }) => models.includes(model))
    const tasks = [...new Set(served.flatMap(one => one.tasks))]
    return {
      ...{ name, tasks },
      supportsStreaming: tasks.some(task => definitionOf(task).pieces !== undefined),
      maxConcurrent: Math.max(0, ...served.map(({ slots }) => slots))
    }
  }

  async remove(name: string): Promise<EngineInfo> {
    const { engines, catalogue, emit } = this.#components
    const kind = this.#kindOf(name)
    if (kind.packages === undefined)
      throw new InvalidInputError(
        `${name} is part of the package. It can be stopped: lumos-node engine stop ${name}`
      )
    if (await engines.remove(name)) {
      await catalogue.refresh()
      emit('engine.removed', { engine: name })
    }
    return this.#infoOf(kind)
  }

  async start(name: string): Promise<EngineInfo> {
    const { engines, catalogue, database, emit } = this.#components
    const kind = this.#kindOf(name)
    database.prepare('DELETE FROM stopped WHERE engine = ?').run(name)
    if (engines.stopped.delete(name)) {
      await catalogue.refresh()
      emit('engine.started', { engine: name })
    }
    return this.#infoOf(kind)
  }

  async stop(name: string): Promise<EngineInfo> {
    const { engines, catalogue, database, emit } = this.#components
    const kind = this.#kindOf(name)
    database.prepare('INSERT OR IGNORE INTO stopped VALUES (?)').run(name)
    if (!engines.stopped.has(name)) {
      engines.stopped.add(name)
      await catalogue.refresh()
      emit('engine.stopped', { engine: name })
    }
    return this.#infoOf(kind)
  }

  async restart(name: string): Promise<EngineInfo> {
    await this.stop(name)
    return await this.start(name)
  }

  #kindOf(name: string): EngineKind {
    const kind = ENGINE_KINDS.find(one => one.name === name)
    if (kind !== undefined) return kind
    const known = ENGINE_KINDS.map(one => one.name).join(', ')
    throw new InvalidInputError(`This node has no engine "${name}".`, { hint: `There are: ${known}.` })
  }

  #infoOf({ name, packages, named }: EngineKind): EngineInfo {
    const { engines, catalogue } = this.#components
    const installed = packages === undefined ? undefined : engines.get(name)
    const isThere = packages === undefined || installed !== undefined
    return {
      name,
      type: packages === undefined ? 'builtin' : 'installable',
      status: engines.stopped.has(name) ? 'stopped' : isThere ? 'ready' : 'absent',
      version: installed?.version ?? null,
      accelerators: [...(installed?.accelerators ?? [])],
      path: installed?.path ?? null,
      models: [
        ...(named?.(engines) ?? []),
        ...catalogue.found.flatMap(({ id, engine }) => (engine === name ? [id] : []))
      ]
    }
  }
}
