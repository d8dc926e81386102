/** Pieces of schemas for bodies. What a schema does not name is ignored, as clients of `/v1` expect. */

import * as z from 'zod'
import { isRecord } from '../../interface/record.ts'
import { Text } from '../../interface/tasks/messages.ts'

/** Fields may be left out or null, which mean the same. */
export const maybe = <S extends z.ZodType>(schema: S) =>
  schema.nullish().transform(value => value ?? undefined)

/**
 * A list that is measured before its items are read: a body of the largest size holds millions of wrong ones, each of
 * which would be an issue of its own.
 */
export const listOf = <S extends z.ZodType>(item: S, max: number, min = 1) =>
  z.array(z.unknown()).min(min).max(max).pipe(z.array(item))

/** Words for a value, or the field that tells the options apart, that is none of those that there are. */
export const oneOf = (values: readonly string[]) => ({
  error: ({ code, input, discriminator }: RawIssue) => {
    if (code === 'invalid_value') return notOneOf(input, values)
    if (code !== 'invalid_union' || discriminator === undefined || !isRecord(input)) return undefined
    return notOneOf(input[discriminator], values)
  }
})

interface RawIssue {
  readonly code?: string
  readonly input?: unknown
  readonly discriminator?: string
}

function notOneOf(input: unknown, values: readonly string[]): string {
  const given = typeof input === 'string' ? `'${input.slice(0, 64)}'` : `of type ${typeof input}`
  return `Invalid value: ${given}. Supported values are: ${quoted(values)}.`
}

function quoted(values: readonly string[]): string {
  const all = values.map(value => `'${value}'`)
  if (all.length < 2) return all.join('')
  return `${all.slice(0, -1).join(', ')}${all.length > 2 ? ',' : ''} and ${all.at(-1)}`
}

/** A field that would change the answer and cannot: refused, unless it says what holds anyway. */
export const unsupported = (isHarmless: (value: unknown) => boolean, instead = '') =>
  z
    .unknown()
    .superRefine((value, context) => {
      if (value === undefined || value === null || isHarmless(value)) return
      context.addIssue({ code: 'custom', params: { reason: 'unsupported_parameter' }, message: instead })
    })
    .optional()

const TOKENS = 'token ids are of one model alone; give text'

/** A text; numbers and lists of numbers are tokens of a model that this node cannot know. */
const TextOnly = z
  .unknown()
  .superRefine((value, context) => {
    if (typeof value !== 'number' && !Array.isArray(value)) return
    context.addIssue({ code: 'custom', params: { reason: 'unsupported_value' }, message: TOKENS })
  })
  .pipe(Text)

/** One text or several. */
export const textsUpTo = (max: number) => z.union([Text.transform(text => [text]), listOf(TextOnly, max)])

/** What is left out is not there for a unit either. */
export const defined = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

/** Parts of text alone are a text: not each model takes parts. */
export const joined = <Part extends object>(
  parts: readonly (Part | { text: string })[]
): string | readonly object[] =>
  parts.every(part => 'text' in part) ? parts.map(part => part.text).join('') : parts

/** Some programs keep the arguments as the object that they mean. */
export const Arguments = z.union([Text, z.record(z.string(), z.unknown())]).transform((given, context) => {
  if (typeof given === 'string') return given
  try {
    return JSON.stringify(given)
  } catch {
    context.addIssue({ code: 'custom', message: 'nested too deeply' })
    return z.NEVER
  }
})
