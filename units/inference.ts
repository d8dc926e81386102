/** Questions to the mesh: any task, and the common ones by their own names. */

import * as z from 'zod'
import { EngineFailedError } from '../interface/errors.ts'
import { FINISH_REASONS } from '../interface/inference.ts'
import { ModelId } from '../interface/names.ts'
import {
  type InferenceRoute,
  type LumosNode,
  type NewInferenceRequest,
  RankedPeer
} from '../interface/node.ts'
import { TASK_NAMES, TASKS, type TaskName, type TaskOutput } from '../interface/tasks.ts'
import type { UnitContext } from '../interface/units.ts'
import { defineUnit } from './define-unit.ts'

const what = { task: z.enum(TASK_NAMES).optional(), model: ModelId.optional() }
const isSaid = ({ task, model }: { task?: unknown; model?: unknown }) =>
  task !== undefined || model !== undefined

const Wanted = z.strictObject(what).refine(isSaid, { error: 'give a task or a model' })

/** The parameters of all tasks. What is left out gets the default of the task that answers. */
const Params = z.strictObject(
  Object.fromEntries(
    TASK_NAMES.flatMap(task => Object.entries<z.ZodType>(TASKS[task].params.shape)).map(([name, schema]) => [
      name,
      (schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema).optional()
    ])
  )
)

const Question = z
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
}

/** The output is what the schema of the task says. */
const Answer: z.ZodType<Answer> = z.discriminatedUnion('task', [
  answerOf('text-generation'),
  ...TASK_NAMES.filter(task => task !== 'text-generation').map(answerOf)
])

function answerOf<T extends TaskName>(task: T) {
  return z.strictObject({ task: z.literal(task), model: z.string(), output: TASKS[task].output })
}

const index = z.int().min(0)

/** Text comes in pieces, anything else whole; `done` comes last. */
const Chunk = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), index, text: z.string() }),
  z.strictObject({ type: z.literal('output'), index, output: z.unknown() }),
  z.strictObject({
    type: z.literal('done'),
    index,
    finishReason: z.enum(FINISH_REASONS),
    usage: z.strictObject({ inputTokens: z.int().optional(), outputTokens: z.int().optional() })
  })
])

const classification = TASKS['image-classification']

export const inferenceUnits = (node: LumosNode) => [
  defineUnit({
    name: 'inference.run',
    kind: 'command',
    summary: 'Ask the mesh: any task, any model. Streams text as it is generated.',
    takesPeer: true,
    input: Question,
    output: Answer,
    item: Chunk,
    run: (question, context) => ask(node, question, context),
    stream: (question, context) => node.infer({ ...question, ...identityOf(context) }, context)
  }),
  defineUnit({
    name: 'inference.explain',
    kind: 'query',
    summary: 'Whom a request would be sent to, best first, and why.',
    takesPeer: true,
    input: Wanted,
    output: z.strictObject({ items: z.array(RankedPeer) }),
    run: async (wanted, { peer }) => ({ items: node.explain(wanted, { peer }) })
  }),
  defineUnit({
    name: 'inference.classify',
    kind: 'command',
    summary: classification.summary,
    takesPeer: true,
    input: z.strictObject({
      ...classification.input.shape,
      ...classification.params.shape,
      model: ModelId.optional()
    }),
    output: z.strictObject({ model: z.string(), ...classification.output.shape }),
    async run({ image, topK, model }, context) {
      const question = { task: 'image-classification' as const, model, input: { image }, params: { topK } }
      const answer = await ask(node, question, context)
      const { labels } = answer.output as TaskOutput<'image-classification'>
      return { model: answer.model, labels }
    }
  })
]

const identityOf = ({ requestId, budgetMs }: UnitContext) => ({ id: requestId, budgetMs })

/** The whole answer. Text comes in pieces, and the output is their sum. */
async function ask(node: LumosNode, question: NewInferenceRequest, context: UnitContext): Promise<Answer> {
  let text = ''
  let whole: { output: unknown } | undefined
  let chosen: InferenceRoute | undefined

  for await (const chunk of node.infer(
    { ...question, ...identityOf(context) },
    {
      signal: context.signal,
      peer: context.peer,
      onRoute(route) {
        chosen = route
        context.onRoute?.(route)
      }
    }
  )) {
    if (chunk.type === 'text') text += chunk.text
    if (chunk.type === 'output') whole = { output: chunk.output }
  }

  if (chosen === undefined) throw new EngineFailedError('An answer came from nobody.')
  return { task: chosen.task, model: chosen.model, output: whole === undefined ? { text } : whole.output }
}
