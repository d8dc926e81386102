/** Questions to the mesh: any task, and the common ones by their own names. */

import * as z from 'zod'
import { EngineFailedError } from '../interface/errors.ts'
import { ModelId } from '../interface/names.ts'
import {
  type InferenceRoute,
  type LumosNode,
  type NewInferenceRequest,
  RankedPeer
} from '../interface/node.ts'
import { TASK_NAMES, TASKS, type TaskOutput } from '../interface/tasks.ts'
import type { UnitContext } from '../interface/units.ts'
import { defineUnit } from './define-unit.ts'

const what = { task: z.enum(TASK_NAMES).optional(), model: ModelId.optional() }
const isSaid = ({ task, model }: { task?: unknown; model?: unknown }) =>
  task !== undefined || model !== undefined

const Wanted = z.strictObject(what).refine(isSaid, { error: 'give a task or a model' })

const Question = z
  .strictObject({
    ...what,
    /** As the task's schema says; the node checks it once the task is known. */
    input: z.unknown(),
    params: z.record(z.string(), z.unknown()).optional()
  })
  .refine(isSaid, { error: 'give a task or a model' })

const Answer = z.strictObject({ task: z.enum(TASK_NAMES), model: z.string(), output: z.unknown() })
type Answer = z.infer<typeof Answer>

const classification = TASKS['image-classification']

export const inferenceUnits = (node: LumosNode) => [
  defineUnit({
    name: 'inference.run',
    kind: 'command',
    summary: 'Ask the mesh: any task, any model. Streams text as it is generated.',
    takesPeer: true,
    input: Question,
    output: Answer,
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
