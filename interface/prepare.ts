/**
 * Holds a request to the form its task asks for, before anything is spent on it: once, where it enters this node
 * (peer API or wire). What a prepared request passes through reads no schema again.
 */

import type * as z from 'zod'
import { InvalidInputError } from './errors.ts'
import { readFirst } from './first-issue.ts'
import { type InferenceRequest, MAX_BUDGET_MS, type PreparedRequest } from './inference.ts'
import { issueWords, nearestIssue } from './issue-words.ts'
import { definitionOf, isTaskName, TASK_NAMES } from './tasks/index.ts'

/**
 * The request with its input and params as the task's schemas read them: defaults filled in, base64 turned into bytes.
 *
 * @throws {InvalidInputError} naming the field that is wrong.
 */
export function prepare({ id, task, model, input, params, budgetMs }: InferenceRequest): PreparedRequest {
  if (!isTaskName(task)) {
    throw new InvalidInputError(`Unknown task "${task}". Known: ${TASK_NAMES.join(', ')}.`, {
      details: { field: 'task' }
    })
  }
  if (!(budgetMs > 0 && budgetMs <= MAX_BUDGET_MS)) {
    throw new InvalidInputError(`budgetMs must be above 0 and at most ${MAX_BUDGET_MS}, not ${budgetMs}.`, {
      details: { field: 'budgetMs' }
    })
  }
  const definition = definitionOf(task)
  const prepared = {
    ...{ id, task, model, budgetMs },
    input: definition.isInput?.(input) ? input : parsed('input', definition.input, input),
    params: parsed('params', definition.params, params)
  }
  return prepared as unknown as PreparedRequest
}

function parsed(root: string, schema: z.ZodType, value: unknown): unknown {
  const result = readFirst(schema, value)
  if (result.success) return result.data

  const { issue, path } = nearestIssue(result.error.issues[0]!)
  const field = [root, ...path].join('.')
  throw new InvalidInputError(`${field}: ${issueWords(issue)}`, { details: { field } })
}
