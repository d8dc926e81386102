/** A unit made of a task: its fields are the input and the parameters of the task side by side, and its answer is the output. */

import * as z from 'zod'
import { ModelId } from '../../interface/names.ts'
import type { LumosNode } from '../../interface/node.ts'
import type { TaskDefinition } from '../../interface/tasks/definition.ts'
import type { TaskName } from '../../interface/tasks/index.ts'
import type { Unit, UnitContext, UnitExample } from '../../interface/units.ts'
import { defineUnit } from '../define-unit.ts'
import { ask } from './ask.ts'
import { Chunk, Usage } from './chunk.ts'
import { inferKept } from './kept.ts'

type ObjectTask = TaskDefinition<string, z.ZodObject, z.ZodObject, z.ZodObject>
type Fields = Readonly<Record<string, unknown>>

export interface Row {
  readonly name: `inference.${string}`
  /** Default: that of the first task. */
  readonly summary?: string
  /** The first that takes all fields which are given, and that the named model does. They take the same input and give the same output. */
  readonly tasks: readonly [ObjectTask, ...ObjectTask[]]
  readonly inputBytesMax: number
  readonly examples: readonly UnitExample[]
  /** The output as the unit gives it. Default: as the task does. */
  readonly answer?: Answer
  readonly tellsUsage?: true
}

interface Answer {
  readonly shape: z.ZodRawShape
  of(output: Fields): Fields
}

/** Keeps the type of the output where a row is written. */
export const answerAs = <O extends z.ZodObject, S extends z.ZodRawShape>(
  _task: { readonly output: O },
  shape: S,
  of: (output: z.output<O>) => z.input<z.ZodObject<S>>
): Answer => ({ shape, of: output => of(output as z.output<O>) as Fields })

export function namedUnit(node: LumosNode, row: Row): Unit {
  const { tasks, tellsUsage } = row
  const [first] = tasks
  const { shape, of } = row.answer ?? { shape: first.output.shape, of: (output: Fields) => output }
  const questionOf = (fields: Fields) => {
    const { name, input, params } = taskFor(node, tasks, fields)
    const what = { task: name as TaskName, model: fields.model as string | undefined }
    return { ...what, input: pick(fields, input.shape), params: pick(fields, params.shape) }
  }
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
    output: z.strictObject({ model: z.string(), ...shape, ...(tellsUsage && { usage: Usage }) }),
    async run(fields: Fields, context) {
      const { model, output, usage } = await ask(node, questionOf(fields), context)
      return { model, ...of(output as Fields), ...(tellsUsage && { usage }) }
    },
    ...(first.pieces && {
      item: Chunk,
      stream: (fields: Fields, context: UnitContext) => inferKept(node, questionOf(fields), context)
    })
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
  // Where the model does none of them, the one that fits says so.
  return (model === undefined ? undefined : fitting.find(does)) ?? fitting[0] ?? tasks[0]
}

const pick = (fields: Fields, shape: object): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([field]) => field in shape))
