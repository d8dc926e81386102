/** What an answer is held to: the same for every engine that can hold one to a grammar. */

import { InvalidInputError } from '../../../interface/errors.ts'
import type { TaskParams } from '../../../interface/tasks/index.ts'
import { callGrammar, JSON_GRAMMAR, schemaGrammar } from './schema-grammar.ts'

type Params = Pick<TaskParams<'text-generation'>, 'tools' | 'toolChoice' | 'responseFormat'>

export interface Constraint {
  /** A grammar (GBNF). */
  readonly grammar: string
  /** Of what: the answer after its reasoning, or each call that the model begins, after the mark of a call. */
  readonly of: 'answer' | 'calls'
}

/** Tools that the model may call. */
export const offered = ({ tools = [], toolChoice }: Params): NonNullable<Params['tools']> =>
  toolChoice === 'none' ? [] : tools

/**
 * Undefined where the model may write what it likes.
 *
 * @throws {InvalidInputError} for a schema that no answer can be held to.
 */
export function constraintOf(params: Params): Constraint | undefined {
  const { toolChoice, responseFormat } = params
  const tools = offered(params)
  const mustCall = toolChoice === 'required' || typeof toolChoice === 'object'
  const named = typeof toolChoice === 'object' ? tools.filter(({ name }) => name === toolChoice.name) : tools
  if (mustCall) {
    if (named.length > 0) return { grammar: callGrammar(named, { opened: false }), of: 'answer' }
    throw new InvalidInputError(
      typeof toolChoice === 'object'
        ? `params.toolChoice: the tool ${toolChoice.name} is not among the tools.`
        : 'params.toolChoice: a tool is to be called, and there are no tools.',
      { details: { field: 'params.toolChoice' } }
    )
  }
  const isFree = responseFormat === undefined || responseFormat.type === 'text'
  if (tools.length === 0) {
    if (isFree) return undefined
    const grammar = responseFormat.type === 'json' ? JSON_GRAMMAR : schemaGrammar(responseFormat.schema)
    return { grammar, of: 'answer' }
  }
  // A call that the model has begun is held to the tools.
  if (isFree) return { grammar: callGrammar(tools, { opened: true }), of: 'calls' }
  const orElse = responseFormat.type === 'json' ? 'json' : responseFormat.schema
  return { grammar: callGrammar(tools, { opened: false, orElse }), of: 'answer' }
}
