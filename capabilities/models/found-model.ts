/** A model on disk, and the kind of engine that opens it. */

import type { Clock } from '../../interface/clock.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { EngineSandbox } from '../../interface/node.ts'
import type { TaskName } from '../../interface/tasks/index.ts'
import type { ProgramSettings } from '../engines/external/program-settings.ts'
import type { Model } from '../host/engine.ts'
import type { EngineEnvironment } from '../host/engine-environment.ts'
import type { Tuning } from '../host/engine-messages.ts'
import type { InstalledEngine } from '../install/installed-engines.ts'
import type { PackageList } from '../install/package-list.ts'
import type { ModelDescription } from './description.ts'

/** A model that this node can serve. */
export interface FoundModel {
  readonly id: string
  /** Other names of it, which mean the same loaded model. A model whose id is one of them goes before. */
  readonly aliases?: readonly string[]
  /** Of an adapter: the model that it changes, by a CID or a name. What is served is both together. */
  readonly base?: string
  /** Name of the kind of engine that opens it. */
  readonly engine: string
  readonly tasks: readonly TaskName[]
  /** Real path of the directory that holds its files. */
  readonly folder: string
  /** Of the files that the engine opens, those that the description gives a hash of. */
  readonly hashes: Readonly<Record<string, string>>
  /** It is in the store of weights, whose files have other names there. */
  readonly stored?: boolean
  /** Real paths of all files that it is made of: when one changes, it is another model. */
  readonly parts: readonly string[]
  /** Tokens of a prompt and its answer together; absent where the model has no such bound, or its files do not say. */
  readonly contextTokens?: number
  /** Of its files: the form, such as `onnx`, and bytes in all. Filled in where folders are read. */
  readonly format?: string
  readonly fileBytes?: number
  /** What its kind of engine read of it, for `serve`. */
  readonly settings: unknown
}

/** A model, and where it is written that this node has it. */
export interface PlacedModel {
  readonly place: string
  readonly model: Model
  /** Of a fixed one: the kind of engine, which its owner may stop. */
  readonly engine?: string
}

/** Which engines can be used on this device. */
export interface EnginesHere {
  /** One that was installed on request. */
  get(engine: string): InstalledEngine | undefined
  /** Why one that lies there is not to be run. */
  obstacle?(engine: string): string | undefined
  /** Whether its owner has stopped it. */
  isStopped(engine: string): boolean
  /** Programs that the settings of this device allow as engines. */
  readonly programs?: readonly ProgramSettings[]
}

/** A folder that may hold models. */
export interface ModelDirectory {
  /** As it was found. */
  readonly path: string
  /** Real path. */
  readonly own: string
  /** Real path of what its files may lie in: `own`, or the repository around it. */
  readonly folder: string
  /** What the models in it are called unless their files say. */
  readonly name: string
  readonly description: ModelDescription | undefined
  /** Names of its entries. */
  readonly entries: readonly string[]
  readonly engines: EnginesHere
}

/** An engine that this node brings: which models are its own, and what serves them. */
export interface EngineKind {
  /** As the field calls it, such as `llama-cpp`. */
  readonly name: string
  /** What is installed on request. Absent: it is part of the package. */
  packages?(): Promise<PackageList>
  /**
   * The models of this kind in a folder; none where another kind may look.
   *
   * @throws {LumosError} `MODEL_INVALID` for a model of this kind that is broken, saying what is wrong.
   */
  find(directory: ModelDirectory): Promise<readonly FoundModel[]>
  serve(found: FoundModel, host: ModelHost): Model
  /** Models of this kind that the settings name, and that are in no folder. */
  named?(engines: EnginesHere): readonly string[]
  /**
   * A model together with an adapter, both of this kind. Absent: no model of this kind takes one.
   *
   * @throws {LumosError} `MODEL_INVALID` where the adapter is made for another model.
   */
  adapt?(adapter: FoundModel, base: FoundModel): FoundModel
}

/** What engines of models on disk get of the node. */
export interface ModelHost {
  readonly clock: Clock
  readonly log: Logger
  readonly env: EngineEnvironment
  readonly sandbox?: EngineSandbox
  /** Cores of this device; one is left to the network. */
  readonly cores: number
  /** At most so many items of requests are run together. Absent: as many as pay. */
  readonly batch?: number
  /** Absent: it is measured anew in each process. */
  readonly tuning?: Tuning
  /** Of a program of the owner: variables that its services give it. */
  readonly programEnv?: Readonly<Record<string, string>>
}
