/** A unit made of a task: its fields are the input and the parameters of the task side by side, and its answer is the output. */

import * as z from 'zod'
import { ModelId } from '../../interface/names.ts'
import type { LumosNode } from '../../interface/node.ts'
import type { TaskDefinition } from '../../interface/tasks/definition.ts'
import type { TaskName } from '../../interface/tasks/index.ts'
import type { Unit, UnitExample } from '../../interface/units.ts'
import { defineUnit } from '../define-unit.ts'
import { ask } from './ask.ts'
import { Usage } from './chunk.ts'

type ObjectTask = TaskDefinition<string, z.ZodObject, z.ZodObject, z.ZodObject>

export interface Row {
  readonly name: `inference.${string}`
  /** Default: that of the first task. */
  readonly summary?: string
  /** The first that takes all fields which are given, and that the named model does. They take the same input and give the same output. */
  readonly tasks: readonly [ObjectTask, ...ObjectTask[]]
  readonly inputBytesMax: number
  readonly examples: readonly UnitExample[]
  /** Fields of the output that the unit names otherwise. */
  readonly outputNames?: Readonly<Record<string, string>>
  readonly tellsUsage?: true
}

type Fields = Readonly<Record<string, unknown>>

export function namedUnit(node: LumosNode, row: Row): Unit {
  const { tasks, outputNames = {}, tellsUsage } = row
  const [first] = tasks
  const outputName = (field: string) => outputNames[field] ?? field
  const renamed = (fields: Fields) =>
    Object.fromEntries(Object.entries(fields).map(([field, value]) => [outputName(field), value]))
  return defineUnit({
    name: row.name,
    kind: 'command',
    permission: 'use',
    idempotent: true,
    summary: row.summary ?? first.summary,
    takesPeer: true,
    inputBytesMax: row.inputBytesMax,
    examples: row.examples,
    input: z.strictObject({ model: ModelId.optional(), ...first.input.shape, ...paramsOf(tasks) }),
    output: z.strictObject({
      model: z.string(),
      ...(renamed(first.output.shape) as z.ZodRawShape),
      ...(tellsUsage && { usage: Usage })
    }),
    async run(fields: Fields, context) {
      const task = taskFor(node, tasks, fields)
      const question = { task: task.name as TaskName, model: fields.model as string | undefined }
      const input = pick(fields, task.input.shape)
      const answer = await ask(node, { ...question, input, params: pick(fields, task.params.shape) }, context)
      const { model, usage } = answer
      return { model, ...renamed(answer.output as Fields), ...(tellsUsage && { usage }) }
    }
  })
}

/** A field that not all of the tasks take has no default: it would say which of them is meant. */
function paramsOf(tasks: Row['tasks']): z.ZodRawShape {
  const shape: Record<string, z.ZodType> = {}
  for (const { params } of tasks) {
    for (const [name, schema] of Object.entries<z.ZodType>(params.shape)) {
      const isShared = tasks.every(task => name in task.params.shape)
      const bare = schema instanceof z.ZodDefault && !isShared ? (schema.unwrap() as z.ZodType) : schema
      shape[name] ??= bare === schema ? schema : bare.optional()
    }
  }
  return shape
}

function taskFor(node: LumosNode, tasks: Row['tasks'], fields: Fields): ObjectTask {
  const { model } = fields
  const fitting = tasks.filter(({ input, params }) =>
    Object.keys(fields).every(
      field =>
        field === 'model' || fields[field] === undefined || field in input.shape || field in params.shape
    )
  )
  const does = ({ name }: ObjectTask) =>
    node.models().some(offered => offered.model === model && offered.task === name)
  // Where none fits, the one that most is known of says what is wrong.
  return (model === undefined ? undefined : fitting.find(does)) ?? fitting[0] ?? tasks[0]
}

const pick = (fields: Fields, shape: object): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([field]) => field in shape))
