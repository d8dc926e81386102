/** Answers that come in pieces are kept as they come, where the caller can come back to them. */

import type { InferenceChunk } from '../../interface/chunks.ts'
import { LumosError } from '../../interface/errors.ts'
import type { InferOptions, LumosNode, NewInferenceRequest } from '../../interface/node.ts'
import { definitionOf } from '../../interface/tasks/index.ts'
import type { UnitContext } from '../../interface/units.ts'

const identityOf = ({ requestId, budgetMs }: UnitContext) => ({ id: requestId, budgetMs })

/** One whole output is not kept: it is asked for again. */
const isWhole = ({ task }: NewInferenceRequest): boolean =>
  task !== undefined && definitionOf(task).pieces === undefined

export function inferKept(
  node: Pick<LumosNode, 'infer' | 'answers'>,
  question: NewInferenceRequest,
  context: UnitContext,
  onRoute: InferOptions['onRoute'] = route => context.onRoute?.(route)
): AsyncIterable<InferenceChunk> {
  const { answer, signal, peer, policy, continuation, receipt, unkept, traceId } = context
  const asked = { peer, policy, continuation, receipt, unkept, traceId }
  const request = { ...question, ...identityOf(context) }
  if (answer === undefined || isWhole(request)) {
    return node.infer(request, { signal, ...asked, onRoute })
  }
  const { id, durable, note } = answer
  if (!node.answers.isOn) {
    if (!durable) return node.infer(request, { signal, ...asked, onRoute })
    throw new LumosError('NOT_SUPPORTED', 'No answer goes on without its client here: answers.keep is 0.')
  }
  answer.onKept()
  const kept = { ...question, budgetMs: context.budgetMs, peer, policy, receipt }
  return node.answers.keep(
    id,
    asking =>
      node.infer(request, {
        ...{ signal: asking.signal, ...asked },
        onRoute(route) {
          asking.onRoute(route)
          onRoute(route)
        }
      }),
    { durable, note, signal, ...(continuation !== 'none' && unkept !== true && { question: kept }) }
  )
}
