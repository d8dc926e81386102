/** The whole answer to a question, put together as its task says. */

import type { DoneChunk } from '../../interface/chunks.ts'
import { EngineFailedError } from '../../interface/errors.ts'
import type { InferenceRoute, LumosNode, NewInferenceRequest } from '../../interface/node.ts'
import type { Accumulator } from '../../interface/tasks/definition.ts'
import { accumulate, type TaskName } from '../../interface/tasks/index.ts'
import type { UnitContext } from '../../interface/units.ts'
import { inferKept } from './kept.ts'

export interface WholeAnswer extends Pick<DoneChunk, 'finishReason' | 'usage' | 'continued' | 'receipts'> {
  readonly task: TaskName
  readonly model: string
  readonly output: unknown
}

export async function ask(
  node: LumosNode,
  question: NewInferenceRequest,
  context: UnitContext
): Promise<WholeAnswer> {
  let chosen: InferenceRoute | undefined
  let answer: Accumulator | undefined
  let done: DoneChunk | undefined

  for await (const chunk of inferKept(node, question, context, route => {
    chosen = route
    answer ??= accumulate(route.task)
    context.onRoute?.(route)
  })) {
    answer?.add(chunk)
    context.onPiece?.(chunk)
    if (chunk.type === 'done') done = chunk
  }

  if (chosen === undefined || answer === undefined || done === undefined)
    throw new EngineFailedError('No peer sent an answer.')
  const { type: _, index: __, contentSha256: ___, ...ending } = done
  const { task, model } = chosen
  return { task, model, output: answer.output(), ...ending }
}
