/**
 * Programs that the owner of a device runs as engines. A command is taken from the settings only: a folder of a model may come from
 * anywhere, and names none.
 */

import { existsSync } from 'node:fs'
import { isAbsolute, join, relative } from 'node:path'
import type { TaskName } from '../../../interface/tasks/index.ts'
import { EXTERNAL_ENGINE } from '../../entries.ts'
import type { Model } from '../../host/engine.ts'
import { LOW_PRIORITY } from '../../host/engine-environment.ts'
import { EngineHost } from '../../host/engine-host.ts'
import { invalid, type ModelDescription } from '../../models/description.ts'
import type { EngineKind, ModelDirectory, ModelHost } from '../../models/found-model.ts'
import { fileIn } from '../../models/model-paths.ts'
import { MODEL_INFO } from '../../models/strays.ts'
import type { ExternalSettings } from './engine.ts'
import { BASE_ENVIRONMENT, type ProgramSettings } from './program-settings.ts'

const NAME = 'external'

interface Found {
  readonly program: ProgramSettings
  /** Relative to the folder. */
  readonly files: readonly string[]
}

export const external: EngineKind = {
  name: NAME,

  /** A program that the owner names goes before the engines of the package. */
  async find({ own, folder, description, engines }: ModelDirectory) {
    const program = engines.programs?.find(one => description !== undefined && filesFor(one, description))
    if (program === undefined || description === undefined) return []
    const tasks = program.tasks.filter(task => (description.task ?? task) === task)
    if (tasks.length === 0)
      throw invalid(`${program.name} of engines.external does not do ${description.task}`)
    const paths = new Map<string, string>()
    for (const file of filesFor(program, description)!) paths.set(file, await fileIn(own, file, folder))
    const place = (file: string) => relative(folder, paths.get(file)!)
    const files = [...paths.keys()]
    const stated = files.filter(file => Object.hasOwn(description.sha256, file))
    const settings: Found = { program, files: files.map(place) }
    return [
      {
        ...{ id: description.name, engine: NAME, tasks, folder, settings },
        hashes: Object.fromEntries(stated.map(file => [place(file), description.sha256[file]!])),
        parts: [join(own, MODEL_INFO), ...paths.values()]
      }
    ]
  },

  serve({ id, tasks, folder, hashes, stored, settings }, host) {
    return modelOf({ id, tasks, folder, hashes, stored, ...(settings as Found) }, host)
  },

  named: ({ programs = [] }) =>
    programs.filter(({ runtime }) => runtime === undefined).map(({ name }) => name)
}

/** A program that is a model by itself. */
export const programModel = (program: ProgramSettings, host: ModelHost): Model =>
  modelOf({ id: program.name, tasks: program.tasks, hashes: {}, files: [], program }, host)

/** The files of a model that this program opens; undefined where it is not meant. */
function filesFor(
  { name, runtime, device }: ProgramSettings,
  { runtimes }: ModelDescription
): string[] | undefined {
  const { torch, rknn, external: other } = runtimes
  switch (runtime) {
    case 'torch':
      return torch?.available ? torch.files : undefined
    case 'rknn':
      return rknn?.available && device !== undefined ? rknn.files[device] : undefined
    case 'external':
      return other?.available && other.engine === name ? other.files : undefined
    case undefined:
      return undefined
  }
}

interface ProgramModel extends Found {
  readonly id: string
  readonly tasks: readonly TaskName[]
  readonly folder?: string
  readonly hashes: Readonly<Record<string, string>>
  readonly stored?: boolean | undefined
}

function modelOf(
  { id, tasks, folder, hashes, stored, program, files }: ProgramModel,
  host: ModelHost
): Model {
  const { command, args, slots, runtime = null, device = null, read, gpu } = program
  const { [LOW_PRIORITY]: _, ...env } = host.env
  const settings: ExternalSettings = {
    ...{ command, args, tasks, slots, hashes, stored },
    env: { ...BASE_ENVIRONMENT, ...env, ...program.env, ...host.programEnv },
    load: { model: id, files, ...{ folder: folder ?? null, runtime, device } }
  }
  const code = [command, ...args.filter(arg => isAbsolute(arg) && existsSync(arg)), ...read]
  const spec = { name: id, module: EXTERNAL_ENGINE, settings, folder, code, gpu, group: true }
  return { id, tasks, slots, engine: new EngineHost(spec, host) }
}
