/** The one check of what comes in: against the unit's schema, with errors in the names that its caller writes. */

import { InvalidInputError } from '../interface/errors.ts'
import { readFirst } from '../interface/first-issue.ts'
import { issueWords, nearestIssue } from '../interface/issue-words.ts'
import { closestNames } from '../interface/suggest.ts'
import type { Unit } from '../interface/units.ts'
import type { JsonNames } from './json-names.ts'

/** Of an input with more values only the first wrong field is named: to name them all takes seconds. */
const VALUES_MAX = 1000

interface WrongField {
  readonly field: string
  readonly message: string
}

/** @throws {InvalidInputError} naming every field that is wrong, of a large input the first one, and for an unknown one those it may have meant. */
export function checkInput({ name, input: schema }: Unit, names: JsonNames, input: unknown): unknown {
  const unknown: { readonly key: string; readonly known: readonly string[] }[] = []
  const fields: WrongField[] = []
  const value = names.fromJson(input, path => {
    const key = String(path.at(-1))
    const at = path.slice(0, -1)
    unknown.push({ key, known: names.fieldsAt(at, input) })
    fields.push({ field: at.join('.'), message: `Unrecognized key: "${key}"` })
  })
  const checked = isLarge(input) ? readFirst(schema, value) : schema.safeParse(value)
  if (checked.success && fields.length === 0) return checked.data

  for (const wrong of checked.error?.issues ?? []) {
    const { issue, path } = nearestIssue(wrong)
    fields.push({ field: names.path(path, value).join('.'), message: issueWords(issue) })
    if (issue.code !== 'unrecognized_keys') continue
    const known = names.fieldsAt(path, value)
    unknown.push(...issue.keys.map(key => ({ key, known })))
  }
  const words = fields.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`))
  const closest = [...new Set(unknown.flatMap(({ key, known }) => closestNames(key, known)))]
  throw new InvalidInputError(`${name}: ${words.join('; ')}`, {
    hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : undefined,
    details: { fields }
  })
}

/** Whether it holds more than {@link VALUES_MAX} values. */
function isLarge(input: unknown): boolean {
  const waiting: unknown[] = [input]
  for (let seen = 0; seen < waiting.length; seen++) {
    const value = waiting[seen]
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) continue
    for (const key in value) {
      if (waiting.length > VALUES_MAX) return true
      waiting.push((value as Record<string, unknown>)[key])
    }
  }
  return false
}
