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
import type { Accumulator } from '../interface/tasks/definition.ts'
import { imageClassification } from '../interface/tasks/image-classification.ts'
import { accumulate, TASK_NAMES, type TaskOutput } from '../interface/tasks/index.ts'
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
    summary: imageClassification.summary,
    takesPeer: true,
    input: z.strictObject({
      ...imageClassification.input.shape,
      ...imageClassification.params.shape,
      model: ModelId.optional()
    }),
    output: z.strictObject({ model: z.string(), ...imageClassification.output.shape }),
    async run({ image, topK, model }, context) {
      const question = { task: imageClassification.name, model, input: { image }, params: { topK } }
      const answer = await ask(node, question, context)
      const { labels } = answer.output as TaskOutput<typeof imageClassification.name>
      return { model: answer.model, labels }
    }
  })
]

const identityOf = ({ requestId, budgetMs }: UnitContext) => ({ id: requestId, budgetMs })

/** The whole answer, put together as its task says. */
async function ask(node: LumosNode, question: NewInferenceRequest, context: UnitContext): Promise<Answer> {
  let chosen: InferenceRoute | undefined
  let answer: Accumulator | undefined

  for await (const chunk of node.infer(
    { ...question, ...identityOf(context) },
    {
      signal: context.signal,
      peer: context.peer,
      onRoute(route) {
        chosen = route
        answer = accumulate(route.task)
        context.onRoute?.(route)
      }
    }
  )) {
    answer?.add(chunk)
  }

  if (chosen === undefined || answer === undefined) throw new EngineFailedError('An answer came from nobody.')
  return { task: chosen.task, model: chosen.model, output: answer.output() }
}
