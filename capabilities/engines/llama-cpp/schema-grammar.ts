/** JSON Schema as a grammar (GBNF), which holds each token of an answer to it. What a grammar cannot say is left open. */

import { InvalidInputError } from '../../../interface/errors.ts'
import { isRecord } from '../../../interface/record.ts'

/** Each part of a schema makes a few rules; a grammar of more is slow for every token. */
const RULES_MAX = 2000
const DEPTH_MAX = 32
/** A list or text that must have more than this is only held to its form. */
const REPEATS_MAX = 1000

const COMMON = {
  ws: '| " " | "\\n" [ \\t]{0,20}',
  char: '[^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4})',
  string: '"\\"" char* "\\""',
  integer: '"-"? ("0" | [1-9] [0-9]{0,15})',
  number: 'integer ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?',
  boolean: '"true" | "false"',
  null: '"null"',
  object: '"{" ws (string ":" ws value ("," ws string ":" ws value)*)? ws "}"',
  array: '"[" ws (value ("," ws value)*)? ws "]"',
  value: 'object | array | string | number | boolean | null'
} as const

type Schema = Readonly<Record<string, unknown>>

/** The grammar of a tool's call in the form that models were trained on, between its marks. */
export interface CallGrammar {
  readonly name: string
  readonly parameters?: Schema | undefined
}

/** Any JSON object. */
export const JSON_GRAMMAR = grammarOf(new Map(), 'object')

/** @throws {InvalidInputError} when the schema is too large, or names a part that it does not have. */
export function schemaGrammar(schema: Schema): string {
  const rules = new Rules(schema)
  return grammarOf(rules.all, rules.ruleOf(schema, 0))
}

/** @param opened whether the mark that opens a call was written already. */
export function callGrammar(calls: readonly CallGrammar[], { opened }: { readonly opened: boolean }): string {
  const all = new Map<string, string>()
  const bodies = calls.map(({ name, parameters = {} }, n) => {
    const rules = new Rules(parameters, `t${n}-`)
    const words = Object.keys(parameters).length === 0 ? '"{" ws "}"' : rules.ruleOf(parameters, 0)
    for (const [rule, text] of rules.all) all.set(rule, text)
    return `"{" ws "\\"name\\"" ":" ws ${literal(JSON.stringify(name))} "," ws "\\"arguments\\"" ":" ws ${words} ws "}"`
  })
  all.set('call', bodies.map(body => `(${body})`).join(' | '))
  return grammarOf(all, `${opened ? '' : '"<tool_call>" '}ws call ws "</tool_call>"`)
}

function grammarOf(rules: ReadonlyMap<string, string>, root: string): string {
  const lines = [...Object.entries(COMMON), ...rules].map(([name, text]) => `${name} ::= ${text}`)
  return [`root ::= ${root}`, ...lines].join('\n')
}

class Rules {
  readonly all = new Map<string, string>()
  readonly #whole: Schema
  readonly #prefix: string
  readonly #references = new Map<string, string>()

  constructor(whole: Schema, prefix = '') {
    this.#whole = whole
    this.#prefix = prefix
  }

  /** Name of the rule for a schema. */
  ruleOf(schema: unknown, depth: number): string {
    if (depth > DEPTH_MAX) throw new InvalidInputError(`The schema is more than ${DEPTH_MAX} levels deep.`)
    // `true`, and what says nothing.
    if (!isRecord(schema)) return 'value'
    if (typeof schema.$ref === 'string') return this.#reference(schema.$ref, depth)
    if ('const' in schema) return this.#add(literal(JSON.stringify(schema.const)))
    if (Array.isArray(schema.enum))
      return this.#add(schema.enum.map(one => literal(JSON.stringify(one))).join(' | '))
    const choices = schema.anyOf ?? schema.oneOf
    if (Array.isArray(choices)) return this.#add(choices.map(one => this.ruleOf(one, depth + 1)).join(' | '))
    if (Array.isArray(schema.allOf))
      return this.ruleOf(Object.assign({}, schema, { allOf: undefined }, ...schema.allOf), depth + 1)
    if (Array.isArray(schema.type))
      return this.#add(schema.type.map(type => this.ruleOf({ ...schema, type }, depth + 1)).join(' | '))
    return this.#typed(schema, depth)
  }

  #typed(schema: Schema, depth: number): string {
    switch (schema.type ?? ('properties' in schema ? 'object' : undefined)) {
      case 'object':
        return isRecord(schema.properties) ? this.#object(schema, schema.properties, depth) : 'object'
      case 'array':
        return this.#array(schema, depth)
      case 'string':
        return 'minLength' in schema || 'maxLength' in schema
          ? this.#add(`"\\"" char${repeats(schema.minLength, schema.maxLength)} "\\""`)
          : 'string'
      case 'integer':
      case 'number':
      case 'boolean':
      case 'null':
        return schema.type as string
      default:
        return 'value'
    }
  }

  /** Its properties in their order: one that is not required may be missing. */
  #object({ required }: Schema, properties: Schema, depth: number): string {
    const needed = new Set(Array.isArray(required) ? required : [])
    const members = Object.entries(properties).map(([name, schema]) => ({
      needed: needed.has(name),
      text: `${literal(JSON.stringify(name))} ":" ws ${this.ruleOf(schema, depth + 1)}`
    }))
    // From the last to the first: what may follow when something was written before, and when nothing was.
    let [after, first] = ['', '']
    for (const member of members.reverse()) {
      const written = after === '' ? '' : ` ${this.#add(after)}`
      const skipped = first === '' ? '' : this.#add(first)
      const next = `"," ws ${member.text}${written}`
      const begin = `${member.text}${written}`
      after = member.needed ? next : `(${next} |${written})`
      first = member.needed ? begin : `(${begin} | ${skipped || '""'})`
    }
    return this.#add(`"{" ws ${first} ws "}"`)
  }

  #array({ items, minItems, maxItems }: Schema, depth: number): string {
    const item = this.ruleOf(items, depth + 1)
    const min = Number(minItems ?? 0)
    const max = maxItems === undefined ? undefined : Number(maxItems)
    if (max === 0) return this.#add('"[" ws "]"')
    const more = `("," ws ${item})${repeats(Math.max(0, min - 1), max === undefined ? undefined : max - 1)}`
    return this.#add(`"[" ws ${min > 0 ? `${item} ${more}` : `(${item} ${more})?`} ws "]"`)
  }

  /** A rule for each part that is named, so that one may contain itself. */
  #reference(reference: string, depth: number): string {
    const known = this.#references.get(reference)
    if (known !== undefined) return known
    let part: unknown = this.#whole
    for (const name of reference.split('/').slice(1)) {
      const key = name.replaceAll('~1', '/').replaceAll('~0', '~')
      part = isRecord(part) && Object.hasOwn(part, key) ? part[key] : undefined
    }
    if (!reference.startsWith('#') || part === undefined)
      throw new InvalidInputError(`The schema has no part ${JSON.stringify(reference.slice(0, 128))}.`)
    const name = this.#add('')
    this.#references.set(reference, name)
    this.all.set(name, this.ruleOf(part, depth + 1))
    return name
  }

  #add(text: string): string {
    if (this.all.size >= RULES_MAX)
      throw new InvalidInputError(`The schema has more than ${RULES_MAX} parts, which is the limit.`)
    const name = `${this.#prefix}r${this.all.size}`
    this.all.set(name, text)
    return name
  }
}

/** How often something may come. */
function repeats(min: unknown, max: unknown): string {
  const from = Math.min(REPEATS_MAX, Math.max(0, Number(min ?? 0) || 0))
  const to = Number(max)
  return Number.isInteger(to) && to <= REPEATS_MAX ? `{${from},${Math.max(from, to)}}` : `{${from},}`
}

/** These characters, as GBNF writes them. */
const literal = (text: string): string =>
  `"${text.replace(/["\\\n\r\t]/g, found => ({ '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r' })[found] ?? '\\t')}"`
