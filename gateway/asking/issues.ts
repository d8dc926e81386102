/** What a schema says of a wrong body, in OpenAI's words: the parameter by its path, and a code for programs. */

import type * as z from 'zod'
import { nearestIssue } from '../../interface/issue-words.ts'
import { RefusedError } from './refused.ts'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

const NAMES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a decimal',
  int: 'an integer',
  boolean: 'a boolean',
  array: 'an array',
  object: 'an object',
  record: 'an object',
  null: 'null'
}

/** `messages[0].role` */
function pathText(path: Path): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`))
    .join('')
}

export function refusedBy({ issues }: z.ZodError, body: unknown): RefusedError {
  const { issue, path } = nearestIssue(issues[0]!)
  const param = pathText(path)
  if (param === '') return new RefusedError('The body must be a JSON object.', { reason: 'invalid_type' })
  const { words, reason } = said(issue, param, valueAt(body, path))
  return new RefusedError(words, { param, reason })
}

function said(issue: Issue, param: string, value: unknown): { words: string; reason: string } {
  if (value === undefined)
    return { words: `Missing required parameter: '${param}'.`, reason: 'missing_required_parameter' }
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(param, NAMES[issue.expected] ?? `a ${issue.expected}`, value)
    case 'invalid_union':
      if (issue.errors.length === 0) return { words: issue.message, reason: 'invalid_value' }
      return wrongType(param, expectedOf(issue.errors), value)
    case 'invalid_value':
      return { words: issue.message, reason: 'invalid_value' }
    case 'too_big':
      return beyond(param, value, `${issue.maximum}`, 'max')
    case 'too_small':
      return beyond(param, value, `${issue.minimum}`, 'min')
    case 'custom': {
      const reason = issue.params?.reason
      if (reason !== 'unsupported_parameter')
        return { words: `Invalid '${param}': ${issue.message}.`, reason: String(reason ?? 'invalid_value') }
      const words = `Unsupported parameter: '${param}' is not supported by this server. ${issue.message}`
      return { words: words.trim(), reason }
    }
    default:
      return { words: `Invalid '${param}': ${issue.message}.`, reason: 'invalid_value' }
  }
}

const expectedOf = (errors: readonly (readonly Issue[])[]): string => {
  const names = errors.flatMap(([issue]) =>
    issue?.code === 'invalid_type' ? [NAMES[issue.expected] ?? issue.expected] : []
  )
  return names.length > 1
    ? `one of ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
    : (names[0] ?? 'another type')
}

const wrongType = (param: string, expected: string, value: unknown) => ({
  words: `Invalid type for '${param}': expected ${expected}, but got ${kindOf(value)} instead.`,
  reason: 'invalid_type'
})

function beyond(param: string, value: unknown, limit: string, side: 'max' | 'min') {
  const long = side === 'max' ? 'long' : 'short'
  const words = side === 'max' ? 'maximum' : 'minimum'
  if (typeof value === 'number') {
    const kind = Number.isInteger(value) ? 'integer' : 'decimal'
    const where = side === 'max' ? 'above maximum' : 'below minimum'
    const sign = side === 'max' ? '<=' : '>='
    return {
      words: `Invalid '${param}': ${kind} ${where} value. Expected a value ${sign} ${limit}, but got ${value} instead.`,
      reason: `${kind}_${side === 'max' ? 'above_max' : 'below_min'}_value`
    }
  }
  const [kind, length] = Array.isArray(value) ? ['array', value.length] : ['string', String(value).length]
  if (kind === 'array' && length === 0) {
    return {
      words: `Invalid '${param}': empty array. Expected an array with minimum length ${limit}, but got an empty array instead.`,
      reason: 'empty_array'
    }
  }
  return {
    words: `Invalid '${param}': ${kind} too ${long}. Expected ${kind === 'array' ? 'an' : 'a'} ${kind} with ${words} length ${limit}, but got one with length ${length} instead.`,
    reason: `${kind}_${side === 'max' ? 'above_max' : 'below_min'}_length`
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal'
  return NAMES[typeof value] ?? `a ${typeof value}`
}

function valueAt(body: unknown, path: Path): unknown {
  let at = body
  for (const key of path) at = at instanceof Object ? (at as Record<PropertyKey, unknown>)[key] : undefined
  return at
}
