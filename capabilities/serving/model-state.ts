/** One model of this node, as others are told of it. */

import { EngineFailedError, LumosError } from '../../interface/errors.ts'
import { CAPABILITIES_MAX, type Capability } from '../../interface/manifest.ts'
import type { LeftOut } from '../../interface/node.ts'
import { definitionOf, type TaskName } from '../../interface/tasks/index.ts'
import type { EnergyMeter } from '../energy.ts'
import type { Residency } from '../models/residency.ts'
import type { Phase } from '../models/residency-state.ts'
import type { Entry, ServedModels } from './served-models.ts'

export interface ModelState {
  readonly model: string
  /** All names of it, its id among them. */
  readonly names: readonly string[]
  readonly tasks: readonly TaskName[]
  readonly slots: number
  readonly phase: Phase
  /** Whether it is loaded. */
  readonly warm: boolean
  readonly running: number
  readonly queued: number
  /** What its engine takes now. */
  readonly memoryBytes: number
  /** What it takes when it is loaded: as measured last, or as expected. */
  readonly needBytes: number
  readonly format: string | undefined
  readonly fileBytes: number | undefined
  readonly demonstration: boolean
}

export const stateOf = (
  { model, manager, admission }: Entry,
  names: readonly string[],
  residency: Pick<Residency, 'of'>
): ModelState => ({
  ...{ model: model.id, names, tasks: model.tasks, slots: model.slots },
  ...{ phase: manager.phase, warm: manager.warm },
  ...{ running: admission.running, queued: admission.queued },
  memoryBytes: model.engine.memoryBytes,
  needBytes: residency.of(manager.key).bytes,
  ...{ format: model.format, fileBytes: model.fileBytes },
  demonstration: model.demonstration === true
})

/** Of all models; then those of services, as far as a manifest has room. */
export const capabilitiesOfAll = (
  entries: readonly Entry[],
  models: Pick<ServedModels, 'namesOf' | 'servicesOf'>,
  energy?: Pick<EnergyMeter, 'of'>
): Capability[] =>
  [
    ...entries.flatMap(entry => capabilitiesOf(entry, models.namesOf(entry), energy)),
    ...entries.flatMap(entry => capabilitiesOf(entry, models.servicesOf(entry), energy))
  ].slice(0, CAPABILITIES_MAX)

/** One for each task, and for each name by which it can be asked. */
const capabilitiesOf = (
  entry: Entry,
  names: readonly string[],
  energy: Pick<EnergyMeter, 'of'> | undefined
): Capability[] => {
  // What a model outside the mesh uses is not used here.
  const joulesPerToken = entry.model.leavesMesh ? undefined : energy?.of(entry.model.id)
  const measured = joulesPerToken === undefined ? {} : { joulesPerToken }
  return names.flatMap(name =>
    entry.model.tasks.map(task => ({ ...capabilityOf(entry, name, task), ...measured }))
  )
}

const capabilityOf = (entry: Entry, name: string, task: TaskName): Capability => {
  const { model, manager, speeds } = entry
  const speed = speeds.stated(task)
  return {
    ...{ task, model: name, slots: model.slots, warm: manager.warm },
    ...(model.contextTokens !== undefined && { contextTokens: model.contextTokens }),
    ...(model.format !== undefined && { format: model.format }),
    ...(model.fileBytes !== undefined && { fileBytes: model.fileBytes }),
    ...(model.leavesMesh && { leavesMesh: true }),
    ...(model.resumes && definitionOf(task).pieces !== undefined && resuming(model.resumes)),
    ...(model.takesImages && { takesImages: true }),
    ...(speed !== undefined && { speed })
  }
}

/** Earlier versions know the first key alone, and ask only devices that go on with every answer. */
const resuming = (resumes: true | 'repeatable') => (resumes === true ? { resumes } : { repeats: true })

/** Why the engine of a model did not load when it was last tried. */
export const failureIn = ({ model, manager: { failure }, draining }: Entry): LeftOut[] => {
  if (failure === undefined || draining) return []
  const { code, message } = failure
  return [{ place: `the engine of "${model.id}"`, model: model.id, code, reason: message }]
}

/** What an engine throws of its own, as the failure that it is. */
export const failureOf = ({ model }: Entry, err: unknown, { aborted }: AbortSignal): unknown =>
  err instanceof LumosError || aborted
    ? err
    : new EngineFailedError(`The engine of "${model.id}" failed: ${String(err)}`, { cause: err })
