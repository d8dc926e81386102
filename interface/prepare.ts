/**
 * Holds a request to the form its task asks for, before anything is spent on it: once, where it enters this node
 * (peer API or wire). What a prepared request passes through reads no schema again.
 */

import type * as z from 'zod'
import { InvalidInputError } from './errors.ts'
import { readFirst } from './first-issue.ts'
import { type InferenceRequest, MAX_BUDGET_MS, type PreparedRequest } from './inference.ts'
import { issueWords, nearestIssue } from './issue-words.ts'
import { Resume } from './resume.ts'
import type { TaskDefinition } from './tasks/definition.ts'
import { definitionOf, isTaskName, TASK_NAMES } from './tasks/index.ts'
import { TRACE_ID } from './trace-ids.ts'

/**
 * The request with its input and params as the task's schemas read them: defaults filled in, base64 turned into bytes.
 *
 * @throws {InvalidInputError} naming the field that is wrong.
 */
export function prepare(request: InferenceRequest): PreparedRequest {
  const { id, task, model, input, params, budgetMs, resume, movable, receipt, unkept, traceId } = request
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
  const goesOn = resume && { resume: resumable(definition, prepared.params, resume) }
  const wishes = {
    ...(movable === true && { movable }),
    ...(receipt === true && { receipt }),
    ...(unkept === true && { unkept }),
    ...(traceId !== undefined && TRACE_ID.test(traceId) && { traceId })
  }
  return { ...prepared, ...goesOn, ...wishes } as unknown as PreparedRequest
}

/** Only an answer in pieces is continued, and what was said of it counts for its bounds. */
function resumable({ name, pieces }: TaskDefinition, params: unknown, resume: unknown): Resume {
  if (pieces === undefined) {
    throw new InvalidInputError(`An answer of ${name} cannot be continued.`, { details: { field: 'resume' } })
  }
  const said = parsed('resume', Resume, resume) as Resume
  const most = pieces.max(params as Readonly<Record<string, unknown>>)
  if (said.index <= most && said.tokens.length <= most) return said
  throw new InvalidInputError(`resume: more was said than the ${most} pieces that the answer may have.`, {
    details: { field: 'resume' }
  })
}

function parsed(root: string, schema: z.ZodType, value: unknown): unknown {
  const result = readFirst(schema, value)
  if (result.success) return result.data

  const { issue, path } = nearestIssue(result.error.issues[0]!)
  const field = [root, ...path].join('.')
  throw new InvalidInputError(`${field}: ${issueWords(issue)}`, { details: { field } })
}
