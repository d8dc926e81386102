/** The units in TypeScript, made of their JSON Schemas. */

import { ERROR_MEANINGS } from '../../interface/errors.ts'
import type { UnitDescription } from '../../units/description.ts'

const LINE_CHARS = 110

interface Schema {
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
}

export function typesOf(units: readonly UnitDescription[]): string {
  const members = [...units].sort((a, b) => (a.name < b.name ? -1 : 1)).map(memberOf)
  const codes = Object.keys(ERROR_MEANINGS).map(code => `  | '${code}'`)
  return `/** Made of the units of this version by \`npm run test:only -- test/client/types.test.ts -u\`. */

export type ErrorCode =
${codes.join('\n')}

/** Bytes, as JSON has them. */
type Base64 = string

export interface Units {
${members.join('\n\n')}
}
`
}

function memberOf({ name, summary, input, output, item }: UnitDescription): string {
  return `  /** ${summary} */
  '${name}': {
    input:${spaced(typeOf(input, 'input', '    '))}
    output:${spaced(typeOf(output, 'output', '    '))}
    item:${spaced(item === undefined ? `Units['${name}']['output']` : typeOf(item, 'output', '    '))}
  }`
}

/** Of a union, with those of the unions in it. */
const optionsOf = ({ anyOf, oneOf }: Schema): Schema[] =>
  (anyOf ?? oneOf ?? []).flatMap(option => {
    const inner = optionsOf(option)
    return inner.length > 0 ? inner : [option]
  })

type Side = 'input' | 'output'

function typeOf(schema: Schema, side: Side, indent: string): string {
  const { type, properties, additionalProperties } = schema
  if ('const' in schema) return literal(schema.const)
  if (schema.enum !== undefined) return schema.enum.map(literal).join(' | ')
  const options = optionsOf(schema)
  if (options.length > 0) {
    const inner = options.length === 2 ? indent : `${indent}    `
    const types = [...new Set(options.map(option => typeOf(option, side, inner)))]
    const line = types.join(' | ')
    return fits(line) || types.length === 2 ? line : types.map(option => `\n${indent}  | ${option}`).join('')
  }
  if (type === 'array') return arrayOf(typeOf(schema.items ?? {}, side, indent), side)
  if (type === 'object') {
    if (properties !== undefined && Object.keys(properties).length > 0) return objectOf(schema, side, indent)
    if (additionalProperties instanceof Object)
      return `Record<string, ${typeOf(additionalProperties, side, indent)}>`
    return properties === undefined ? 'Record<string, unknown>' : 'Record<string, never>'
  }
  if (schema.contentEncoding !== undefined) return 'Base64'
  if (type === undefined) return 'unknown'
  return [type].flat().map(plain).join(' | ')
}

function arrayOf(item: string, side: Side): string {
  const element = /^[\w.]+$|^\{[^|]*\}$/s.test(item) ? item : `(${item})`
  return side === 'input' ? `readonly ${element}[]` : `${element}[]`
}

function objectOf({ properties = {}, required = [] }: Schema, side: Side, indent: string): string {
  const fields = Object.entries(properties).map(([name, field]) => {
    const key = /^[a-zA-Z_$][\w$]*$/.test(name) ? name : `'${name}'`
    return `${key}${required.includes(name) ? ':' : '?:'}${spaced(typeOf(field, side, `${indent}  `))}`
  })
  const line = `{ ${fields.join('; ')} }`
  if (fits(line)) return line
  return `{\n${fields.map(field => `${indent}  ${field}`).join('\n')}\n${indent}}`
}

const plain = (type: string): string => (type === 'integer' ? 'number' : type)

/** A type that begins on the next line has no space before it. */
const spaced = (type: string): string => (type.startsWith('\n') ? type : ` ${type}`)

const fits = (line: string): boolean => !line.includes('\n') && line.length < LINE_CHARS - 30

const literal = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value))
