/** Holds a request to the form its task asks for, before anything is spent on it. */

import type * as z from 'zod'
import { InvalidInputError } from '../../interface/errors.ts'
import { type InferenceRequest, MAX_BUDGET_MS } from '../../interface/inference.ts'
import { isTensors, TASK_NAMES, TASKS } from '../../interface/tasks.ts'

/**
 * The request with its input and params as the task's schemas read them:
 * defaults filled in, base64 turned into bytes.
 *
 * @throws {InvalidInputError} naming the field that is wrong.
 */
export function checkedRequest(request: InferenceRequest): InferenceRequest {
  const { id, task, model, budgetMs } = request
  if (!Object.hasOwn(TASKS, task)) {
    throw new InvalidInputError(`Unknown task "${task}". Known: ${TASK_NAMES.join(', ')}.`, {
      details: { field: 'task' }
    })
  }
  if (!(budgetMs > 0 && budgetMs <= MAX_BUDGET_MS)) {
    throw new InvalidInputError(`budgetMs must be above 0 and at most ${MAX_BUDGET_MS}, not ${budgetMs}.`, {
      details: { field: 'budgetMs' }
    })
  }

  const schema = TASKS[task]
  const certain = task === 'tensor' && isTensors(request.input)
  const input = certain ? request.input : parsed('input', schema.input, request.input)
  const params = parsed('params', schema.params, request.params)
  return { id, task, model, input, params: params as InferenceRequest['params'], budgetMs }
}

function parsed(root: string, schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value)
  if (result.success) return result.data

  const issue = result.error.issues[0]!
  const field = [root, ...issue.path].join('.')
  throw new InvalidInputError(`${field}: ${issue.message}`, { details: { field } })
}
