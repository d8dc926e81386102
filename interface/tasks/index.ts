/**
 * What can be asked: each task's input, parameters and answer.
 *
 * Names are the field's (Hugging Face pipelines), plus `tensor` for any ONNX
 * graph with named tensors. Everything else that describes a task (units, CLI
 * help, HTTP) is derived from here, and no other code but engines names one.
 */

import * as z from 'zod'
import type { Accumulator, TaskDefinition } from './definition.ts'
import { TASK_LIST } from './list.ts'

type Task = (typeof TASK_LIST)[number]
export type TaskName = Task['name']
type TaskOf<T extends TaskName> = Extract<Task, { name: T }>

const TASKS: ReadonlyMap<string, TaskDefinition> = new Map(TASK_LIST.map(task => [task.name, task]))
export const TASK_NAMES = TASK_LIST.map(({ name }) => name) as [TaskName, ...TaskName[]]

/** The name of a task as it travels: a newer peer may know tasks that this node does not. */
export const TaskText = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]+(?:[-._][a-z0-9]+)*$/, 'lower case letters, digits and -._ only')

export const isTaskName = (task: string): task is TaskName => TASKS.has(task)

export const definitionOf = (task: TaskName): TaskDefinition => TASKS.get(task)!

export type TaskInput<T extends TaskName> = z.output<TaskOf<T>['input']>
export type TaskParams<T extends TaskName> = z.output<TaskOf<T>['params']>
export type TaskOutput<T extends TaskName> = z.output<TaskOf<T>['output']>

/** Of the tasks that a model does, the one that is meant when none is stated. */
export const meantTask = (tasks: readonly TaskName[]): TaskName | undefined =>
  tasks.find(task => !definitionOf(task).raw) ?? tasks[0]

/** The whole answer of a task, from its chunks. */
export function accumulate(task: TaskName): Accumulator {
  const { pieces } = definitionOf(task)
  if (pieces !== undefined) return pieces.accumulate()
  let whole: unknown
  return {
    add(chunk) {
      if (chunk.type === 'output') whole = chunk.output
    },
    output: () => whole
  }
}
