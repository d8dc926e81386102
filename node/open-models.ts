/** Opens the models of a node: those of its settings, its folders and of servers, what serves them, and to whom they are offered. */

import { fileURLToPath } from 'node:url'
import {
  Catalogue,
  DeviceLoadReader,
  detectHardware,
  EnergyMeter,
  echoModel,
  engineEnvironment,
  InstalledEngines,
  kindOf,
  LOW_PRIORITY,
  type ModelHost,
  ModelServers,
  madeOf,
  type PlacedModel,
  type ProgramSettings,
  processorJoules,
  programModel,
  Registry,
  type Tuning
} from '../capabilities/index.ts'
import type { Clock } from '../interface/clock.ts'
import { ModelAccessStore } from '../storage/mesh/model-access-store.ts'
import { MeasurementStore } from '../storage/models/measurement-store.ts'
import { ModelAccess } from './membership/index.ts'
import type { NodeContext } from './mesh/context.ts'
import type { LumosNodeOptions } from './options.ts'
import { Signing } from './receipts/index.ts'
import { chosenFor } from './services/index.ts'
import { Serving, YieldWatch } from './serving/index.ts'
import type { Config, LoadedConfig } from './settings/config.ts'
import { memoryPolicy } from './settings/memory.ts'
import { namedPrograms } from './settings/programs.ts'
import { namedServers } from './settings/servers.ts'
import { UnderWay } from './under-way.ts'
import type { ServicesSettings } from './weights/resources/index.ts'

interface ModelGround {
  readonly peerId: string
  readonly opened: AsyncDisposableStack
  readonly env: LoadedConfig['env']
}

type Ground = Pick<NodeContext, 'config' | 'home' | 'clock' | 'random' | 'log' | 'emit'>

/** The models of this node, those that come and go too, and to whom they are offered. */
export async function openModels(
  options: LumosNodeOptions,
  { opened, env, peerId, ...ground }: Ground & ModelGround,
  onChange: () => void
): Promise<
  Pick<NodeContext, 'hardware' | 'registry' | 'catalogue' | 'engines' | 'access' | 'served' | 'serving'>
> {
  const { config, home, clock, random, log } = ground
  const hardware = await detectHardware()
  const memory = memoryPolicy(config.models, hardware)
  const measurements = new MeasurementStore(home.cache)
  // Of a machine with a graphics processor or the like, what its processors use says little.
  const energy =
    hardware.accelerators.length === 0
      ? new EnergyMeter({ clock, joules: () => processorJoules('/') })
      : undefined
  const registry = new Registry({ clock, random, log, memory, measurements, energy, onChange })
  const isYielding = config.serving.yield === 'auto'
  const priority: Record<string, string> = isYielding ? { [LOW_PRIORITY]: '1' } : {}
  const host = { clock, log, env: { ...engineEnvironment(env), ...priority }, cores: hardware.cores }
  const { services = {} } = config as { readonly services?: ServicesSettings }
  const hostOf = (model: string): ModelHost => {
    const { batch, env } = chosenFor(services, config.name, model)
    return {
      ...host,
      tuning: tuningOf({ kept: measurements, log, hardware }, model),
      ...(batch !== undefined && { batch }),
      ...(env !== undefined && { programEnv: env })
    }
  }
  const programs = namedPrograms(config.engines.external)
  const engines = new InstalledEngines({
    directory: config.engines.directory ?? home.enginesDir,
    registry: config.engines.registry,
    owner: peerId,
    ...{ clock, fetch, programs }
  })
  const catalogue = new Catalogue({
    ...{ clock, log, engines },
    fixed: [...fixedModels(options, config, clock), ...programModels(programs, hostOf)],
    directories: [home.modelsDir, ...config.models.directories],
    ...(config.models.builtin && { demonstrations: BUILTIN_MODELS }),
    own: home.modelsDir,
    serve: found => kindOf(found.engine).serve(found, hostOf(found.id)),
    adapt: (adapter, base) => kindOf(adapter.engine).adapt!(adapter, base),
    onChange: (models, changing) => registry.update(models, changing)
  })
  opened.adopt(catalogue, () => catalogue.stop())
  await catalogue.start()
  const servers = new ModelServers({
    ...{ clock, log },
    discover: config.engines.discover,
    named: namedServers(config.engines.servers, env),
    onChange: (models, leftOut) => catalogue.setOfServers(models, leftOut)
  })
  opened.adopt(servers, () => servers.stop())
  // A server that answers late is no reason to start late.
  void servers.start()
  const access = new ModelAccess({
    settings: config.access,
    store: new ModelAccessStore(home.core),
    isPrivate: model => registry.leavesMesh(model),
    behind: model => registry.behind(model) ?? modelBehind(catalogue.found, model),
    modelsFor: task => modelsFor(registry, task)
  })
  const served = new UnderWay()
  const watch = isYielding ? yieldWatch(options, clock, registry) : undefined
  const signing = new Signing({ log, madeOf: model => madeOf(catalogue, model) })
  const serving = new Serving({ ...ground, registry, access, served, signing, ...(watch && { watch }) })
  return { hardware, registry, catalogue, engines, access, served, serving }
}

interface TuningGround extends Pick<NodeContext, 'log' | 'hardware'> {
  readonly kept: MeasurementStore
}

/** Threads that were measured to be best for a model hold on the same hardware. */
function tuningOf({ kept, log, hardware: { cpu, cores } }: TuningGround, model: string): Tuning {
  const basis = `${cores} × ${cpu}`
  return {
    get known() {
      const threads = kept.of(model, 'threads', basis)
      return Number.isSafeInteger(threads) ? (threads as number) : undefined
    },
    keep(threads) {
      log.info({ model, threads }, 'threads were measured')
      try {
        kept.keep(model, 'threads', basis, threads)
      } catch (err) {
        log.warn({ model, err }, 'a measurement was not kept')
      }
    }
  }
}

/** A model of a server beside this node has no files of ours, and is no part of this process that is measured. */
const yieldWatch = ({ readLoad }: LumosNodeOptions, clock: Clock, registry: Registry): YieldWatch => {
  const reader = new DeviceLoadReader()
  return new YieldWatch({
    clock,
    read: readLoad ?? (() => reader.read()),
    isServedByOthers: () =>
      registry.models().some(({ running, fileBytes }) => running > 0 && fileBytes === undefined),
    phases: () => registry.models().map(({ phase }) => phase)
  })
}

/** Of an adapter its base, and of another name of a model its id. */
function modelBehind(found: Catalogue['found'], name: string): string | undefined {
  const called = found.find(({ id }) => id === name)
  return called ? called.base : found.find(({ aliases }) => aliases?.includes(name))?.id
}

/** Ids of the models that do a task: of all, since a manifest has room for some only. */
const modelsFor = (registry: Registry, task: string): string[] =>
  registry
    .models()
    .filter(({ model, tasks }) => tasks.some(name => name === task) && !registry.leavesMesh(model))
    .map(({ model }) => model)

/** The models that ship with the node lie beside the source and beside `dist` alike. */
const BUILTIN_MODELS = fileURLToPath(new URL('../models', import.meta.url))

/** The models that the settings and the program name, each with where it does. */
function fixedModels({ models = [] }: LumosNodeOptions, { engines }: Config, clock: Clock): PlacedModel[] {
  return [
    ...(engines.echo ? [{ place: 'engines.echo', model: echoModel({ clock }) }] : []),
    ...models.map((model, i) => ({ place: `options.models[${i}]`, model }))
  ]
}

/** Programs that are a model each. */
const programModels = (
  programs: readonly ProgramSettings[],
  hostOf: (model: string) => ModelHost
): PlacedModel[] =>
  programs
    .filter(({ runtime }) => runtime === undefined)
    .map(program => ({
      place: `engines.external.${program.name}`,
      engine: 'external',
      model: programModel(program, hostOf(program.name))
    }))
