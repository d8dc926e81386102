/** A field of a unit's input, as its JSON Schema describes it: what it is called at the command line, and its value there. */

import { LumosError } from '../../../interface/errors.ts'
import { isElsewhere, readBytes, readText } from '../../input.ts'

export interface Schema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
  readonly contentEncoding?: string
  readonly default?: unknown
  readonly description?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly maxItems?: number
}

export const flagName = (field: string): string => `--${field.replaceAll('_', '-')}`

const optionsOf = ({ anyOf, oneOf }: Schema): Schema[] =>
  (anyOf ?? oneOf ?? []).flatMap(option => {
    const inner = optionsOf(option)
    return inner.length > 0 ? inner : [option]
  })

/** The types that a value may have; none where the schema leaves it open. */
export function typesOf(schema: Schema): ReadonlySet<string> {
  const options = optionsOf(schema)
  if (options.length > 0) return new Set(options.flatMap(option => [...typesOf(option)]))
  const values = 'const' in schema ? [schema.const] : schema.enum
  if (values !== undefined) return new Set(values.map(value => (value === null ? 'null' : typeof value)))
  return new Set([schema.type ?? []].flat())
}

export const isFlag = (schema: Schema): boolean => typesOf(schema).has('boolean')

/** A value as it is typed: text, JSON where the field holds more than text, `@file`, or `-` for stdin. */
export async function typedValue(flag: string, text: string, schema: Schema): Promise<unknown> {
  const types = typesOf(schema)
  const isText = types.size === 0 || types.has('string')
  if (text.startsWith('@@')) return valueOfText(flag, text.slice(1), types)
  if (!isElsewhere(text)) return valueOfText(flag, text, types)
  if (schema.contentEncoding === 'base64') return (await readBytes(text)).toString('base64')
  if (types.size > 0) return isText ? readText(text) : valueOfText(flag, await readText(text), types)
  // Of a file for an open field only its bytes say whether it is text.
  const bytes = await readBytes(text)
  return isUtf8(bytes) ? bytes.toString() : bytes.toString('base64')
}

function valueOfText(flag: string, text: string, types: ReadonlySet<string>): unknown {
  const has = (...names: string[]): boolean => names.some(name => types.has(name))
  const isOpen = types.size === 0
  if (text === 'null' && has('null')) return null
  if (/^(?:true|false)$/.test(text) && has('boolean')) return text === 'true'
  if (has('number', 'integer') && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text)
  if (isOpen || (has('object', 'array') && /^\s*[[{]/.test(text))) {
    const json = parsed(text)
    if (json !== undefined) return json
  }
  if (isOpen || has('string')) return text
  const wanted = has('object', 'array') ? 'JSON' : [...types].join(' or ')
  throw new LumosError('USAGE', `${flag} takes ${wanted}, and "${text.slice(0, 64)}" is none.`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}
