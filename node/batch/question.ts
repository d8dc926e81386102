/** What a batch asks of each item: a task, one model for all of them, and parameters. */

import type { Registry } from '../../capabilities/index.ts'
import type { BatchWanted } from '../../interface/batch.ts'
import { InvalidInputError, LumosError, NoProviderError } from '../../interface/errors.ts'
import { readFirst } from '../../interface/first-issue.ts'
import {
  definitionOf,
  isTaskName,
  meantTask,
  TASK_NAMES,
  type TaskName
} from '../../interface/tasks/index.ts'
import type { MeshContext } from '../feature.ts'

export interface Question {
  readonly task: TaskName
  readonly model: string
  readonly params: Readonly<Record<string, unknown>>
}

/** @throws {LumosError} `NO_PROVIDER`, or `INVALID_INPUT` for parameters that the task does not take. */
export function questionOf(
  { task: stated, model: named, params = {}, verify = 0 }: BatchWanted,
  mesh: Pick<MeshContext, 'providers'>,
  own: Pick<Registry, 'capabilities'>
): Question {
  const task = stated ?? taskOf(named, mesh)
  if (!isTaskName(task)) throw new LumosError('USAGE', `There is no task "${task}".`)
  const definition = definitionOf(task)
  // A demonstration of this device is meant where there is nothing else.
  const demonstration = own.capabilities().find(can => can.task === task && can.leavesMesh !== true)?.model
  const model = commonModel(mesh.providers(task, named)) ?? (named === undefined ? demonstration : undefined)
  if (model === undefined)
    throw new NoProviderError(`No device offers "${named ?? task}".`, { hint: 'See all: lumos-node models' })
  const read = readFirst(definition.params, params)
  if (!read.success) throw new InvalidInputError(`params: ${read.error.issues[0]!.message}`)
  if (verify > 0 && definition.pieces !== undefined && params.temperature !== 0)
    throw new InvalidInputError('Answers that are left to chance differ, and cannot be verified.', {
      hint: 'Ask with temperature 0: --params \'{"temperature":0}\''
    })
  return { task, model, params }
}

function taskOf(model: string | undefined, mesh: Pick<MeshContext, 'providers'>): TaskName {
  if (model === undefined) throw new InvalidInputError('Say which model or which task.')
  const task = meantTask(TASK_NAMES.filter(name => mesh.providers(name, model).length > 0))
  if (task !== undefined) return task
  throw new NoProviderError(`No device offers "${model}".`, { hint: 'See all: lumos-node models' })
}

/** Answers of several models cannot be compared, so one model answers all: that of most devices. */
function commonModel(providers: readonly { readonly model: string }[]): string | undefined {
  const counts = new Map<string, number>()
  for (const { model } of providers) counts.set(model, (counts.get(model) ?? 0) + 1)
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0]
}
