/**
 * `POST /v1/messages/count_tokens`: the count is that of the model itself. Its engine reads the messages and writes one
 * token; no device keeps the answer.
 */

import type { Context } from 'hono'
import { LumosError } from '../../interface/errors.ts'
import type { SnakeCase } from '../../interface/snake-case.ts'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import type { AppEnv } from '../app-env.ts'
import {
  type AskComponents,
  answerWhole,
  LARGE_BODY_BYTES_MAX,
  readBody,
  unitContext
} from '../asking/call.ts'
import { rightModel } from '../asking/model-name.ts'
import type { ChatAnswer } from '../asking/pieces.ts'
import { Question, questionOf } from './body.ts'

const UNIT = 'inference.chat'

export const countRoute = (components: AskComponents) => async (c: Context<AppEnv>) => {
  const body = await readBody(c, components, Question, LARGE_BODY_BYTES_MAX)
  const { model } = body
  const context = { ...unitContext(c, UNIT), answer: undefined, unkept: true }
  return rightModel(components, c, { model, task: textGeneration.name }, async () => {
    const asked = components.units.execute(UNIT, { ...questionOf(body), max_tokens: 1 }, context)
    const input_tokens = await asked.then(
      answer => (answer as SnakeCase<ChatAnswer>).usage.input_tokens,
      counted
    )
    if (input_tokens === undefined)
      throw new LumosError('NOT_SUPPORTED', `The engine of the model ${model} does not count tokens.`)
    return answerWhole(c, { input_tokens })
  })
}

/** A question that is too long was counted, too. */
function counted(thrown: unknown): number {
  if (thrown instanceof LumosError && thrown.code === 'CONTEXT_TOO_SMALL') {
    const { promptTokens } = thrown.details
    if (Number.isSafeInteger(promptTokens)) return Number(promptTokens)
  }
  throw thrown
}
