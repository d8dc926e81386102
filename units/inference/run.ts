/** Any task, and the order in which peers would be asked. */

import * as z from 'zod'
import { Continued } from '../../interface/chunks.ts'
import { LumosError } from '../../interface/errors.ts'
import { TENSOR_BYTES_MAX } from '../../interface/limits.ts'
import { ModelId } from '../../interface/names.ts'
import type { LumosNode } from '../../interface/node.ts'
import { ReceiptTexts } from '../../interface/receipts.ts'
import { RankedPeer, RoutedRequest } from '../../interface/routing.ts'
import { imageClassification } from '../../interface/tasks/image-classification.ts'
import { definitionOf, TASK_NAMES, type TaskName } from '../../interface/tasks/index.ts'
import { defineUnit } from '../define-unit.ts'
import { ask } from './ask.ts'
import { Chunk, inJson } from './chunk.ts'
import { inferKept } from './kept.ts'
import { PIXEL } from './pixel.ts'

const what = { task: z.enum(TASK_NAMES).optional(), model: ModelId.optional() }
const REQUEST_ID_CHARS_MAX = 128
const isSaid = ({ task, model }: { task?: unknown; model?: unknown }) =>
  task !== undefined || model !== undefined

const Wanted = z
  .strictObject({
    ...what,
    /** Of a request that was made: `request_id` of its answer. */
    id: z.string().min(1).max(REQUEST_ID_CHARS_MAX).optional()
  })
  .refine(wanted => isSaid(wanted) !== (wanted.id !== undefined), {
    error: 'give a task or a model, or the id of a request'
  })

/** The parameters of all tasks, one schema or several by each name. What is left out gets the default of the task that answers. */
export const Params = z.strictObject(
  Object.fromEntries(Object.entries(paramsOfTasks()).map(([name, schemas]) => [name, either([...schemas])]))
)

function paramsOfTasks(): Record<string, Set<z.ZodType>> {
  const params: Record<string, Set<z.ZodType>> = {}
  for (const task of TASK_NAMES) {
    for (const [name, schema] of Object.entries<z.ZodType>(definitionOf(task).params.shape)) {
      const given = schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema
      params[name] ??= new Set()
      params[name].add(given)
    }
  }
  return params
}

function either(schemas: readonly z.ZodType[]): z.ZodType {
  return (schemas.length === 1 ? schemas[0]! : z.union(schemas)).optional()
}

export const Question = z
  .strictObject({
    ...what,
    /** As the task's schema says; the node checks it once the task is known. */
    input: z.unknown(),
    params: Params.optional()
  })
  .refine(isSaid, { error: 'give a task or a model' })

interface Answer {
  readonly task: TaskName
  readonly model: string
  readonly output: unknown
  /** Present where the answer was cut and went on. */
  readonly continued?: Continued | undefined
  readonly receipts?: string[] | undefined
}

/** The output is what the schema of the task says. */
const Answer: z.ZodType<Answer> = z.discriminatedUnion(
  'task',
  TASK_NAMES.map(answerOf) as [AnswerSchema, ...AnswerSchema[]]
)
type AnswerSchema = ReturnType<typeof answerOf>

function answerOf(task: TaskName) {
  return z.strictObject({
    ...{ task: z.literal(task), model: z.string(), output: definitionOf(task).output },
    continued: Continued.optional(),
    receipts: ReceiptTexts.optional()
  })
}

const SEVEN = { label: '7', score: 0.99 }

/** @throws {LumosError} `REQUEST_NOT_FOUND` */
function explained(node: LumosNode, id: string): RoutedRequest {
  const request = node.explained(id)
  if (request !== undefined) return request
  throw new LumosError('REQUEST_NOT_FOUND', `No request "${id}" was made lately.`, {
    hint: 'The last thousand of this device are kept until it restarts.'
  })
}

export const runUnits = (node: LumosNode) => [
  defineUnit({
    name: 'inference.run',
    kind: 'command',
    permission: 'use',
    idempotent: true,
    summary: 'Ask the mesh: any task, any model. Streams text as it is generated.',
    takesPeer: true,
    // No task takes more than tensors do.
    inputBytesMax: inJson(TENSOR_BYTES_MAX),
    examples: [
      {
        input: { task: imageClassification.name, input: { image: PIXEL }, params: { top_k: 1 } },
        output: { task: imageClassification.name, model: 'digits-cnn', output: { labels: [SEVEN] } }
      }
    ],
    input: Question,
    output: Answer,
    item: Chunk,
    async run(question, context) {
      const { task, model, output, continued, receipts } = await ask(node, question, context)
      return { task, model, output, ...(continued && { continued }), ...(receipts && { receipts }) }
    },
    stream: (question, context) => inferKept(node, question, context)
  }),
  defineUnit({
    name: 'inference.explain',
    kind: 'query',
    permission: 'read',
    summary:
      'Whom a request would be sent to, best first, and why; by its id, what became of one of the last thousand.',
    takesPeer: true,
    examples: [{ input: { model: 'digits-cnn' } }],
    input: Wanted,
    output: z.strictObject({ items: z.array(RankedPeer), request: RoutedRequest.nullable() }),
    run: async ({ id, ...wanted }, { peer, policy }) =>
      id === undefined
        ? { items: node.explain(wanted, { peer, policy }), request: null }
        : { items: [], request: explained(node, id) }
  })
]
