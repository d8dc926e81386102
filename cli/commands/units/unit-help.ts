/** The help of one unit: its fields as flags, and an example. */

import type { UnitDescription } from '../../../units/description.ts'
import type { Output } from '../../output.ts'
import { shellWord } from '../../shell-word.ts'
import { flagName, type Schema, typesOf } from './field.ts'

/** Flags of `exec` itself: fields of these names come by JSON only. */
const TAKEN: ReadonlySet<string> = new Set([
  'peer',
  'on',
  'timeout',
  'jsonl',
  'json',
  'home',
  'help',
  'verbose'
])

export function helpOf(unit: UnitDescription, output: Output): string {
  const { properties = {}, required = [] } = unit.input as Schema
  const rows = Object.entries(properties).map(([name, field]) => [
    `  ${TAKEN.has(name) ? `${name} (by JSON)` : flagName(name)}`,
    kindOf(field),
    [required.includes(name) ? 'required' : '', ...limitsOf(field), field.description ?? '']
      .filter(Boolean)
      .join('; ')
  ])
  const [example] = unit.examples ?? []
  return [
    `${unit.name}: ${unit.summary}`,
    `A ${unit.kind} that needs the permission ${unit.permission}.${unit.takes_peer ? ' It takes --on.' : ''}${unit.streams ? ' Its answer comes in pieces: --jsonl.' : ''}`,
    '',
    rows.length > 0 ? output.table(['  FIELD', 'VALUE', ''], rows) : 'It takes no input.',
    ...(example === undefined ? [] : ['', 'Example:', `  ${commandOf(unit.name, example.input)}`])
  ].join('\n')
}

function kindOf(field: Schema): string {
  const values = 'const' in field ? [field.const] : field.enum
  if (values !== undefined) return values.join('|')
  if (field.contentEncoding === 'base64') return '@FILE'
  const types = [...typesOf(field)].filter(type => type !== 'null')
  if (types.length === 1 && types[0] === 'array') return `${kindOf(field.items ?? {})} ...`
  const [type] = types
  if (types.length !== 1) return types.includes('string') ? 'TEXT' : 'JSON'
  return { string: 'TEXT', integer: 'NUMBER', number: 'NUMBER', boolean: '' }[type!] ?? 'JSON'
}

function limitsOf({ minimum, maximum, maxLength, maxItems, default: byDefault }: Schema): string[] {
  // JSON Schemas of whole numbers have the limits of JavaScript where there are no others.
  const isBound = (value: number | undefined) =>
    value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER
  return [
    isBound(minimum) && isBound(maximum) ? `${minimum} to ${maximum}` : '',
    isBound(minimum) && !isBound(maximum) ? `${minimum} or more` : '',
    maxLength === undefined ? '' : `${maxLength} characters at most`,
    maxItems === undefined ? '' : `${maxItems} at most`,
    byDefault === undefined ? '' : `default ${JSON.stringify(byDefault)}`
  ].filter(Boolean)
}

/** A call as it is typed. */
export function commandOf(unit: string, input: unknown): string {
  const entries = Object.entries((input ?? {}) as object)
  const isSimple = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value)
  const words = entries.flatMap(([name, value]) => {
    const flag = flagName(name)
    if (value === true) return [flag]
    if (isSimple(value)) return [flag, shellWord(String(value))]
    if (Array.isArray(value) && value.every(isSimple))
      return value.flatMap(one => [flag, shellWord(String(one))])
    return [flag, shellWord(JSON.stringify(value))]
  })
  return ['lumos-node', 'exec', unit, ...words].join(' ')
}
