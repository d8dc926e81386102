/** JSON Schema as a grammar (GBNF), which holds each token of an answer to it. */

import { literal, Rules, type Schema } from './schema-rules.ts'

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

/** What may be written instead of a call. */
interface CallForm {
  /** Whether the mark that opens a call was written already. */
  readonly opened: boolean
  /** What may come instead of a call: JSON, or JSON of a schema. */
  readonly orElse?: 'json' | Schema | undefined
}

export function callGrammar(calls: readonly CallGrammar[], { opened, orElse }: CallForm): string {
  const all = new Map<string, string>()
  const bodies = calls.map(({ name, parameters = {} }, n) => {
    const rules = new Rules(parameters, { prefix: `t${n}-`, isLenient: true })
    const words = Object.keys(parameters).length === 0 ? '"{" ws "}"' : rules.ruleOf(parameters, 0)
    for (const [rule, text] of rules.all) all.set(rule, text)
    return `"{" ws "\\"name\\"" ":" ws ${literal(JSON.stringify(name))} "," ws "\\"arguments\\"" ":" ws ${words} ws "}"`
  })
  all.set('call', bodies.map(body => `(${body})`).join(' | '))
  const call = `${opened ? '' : '"<tool_call>" '}ws call ws "</tool_call>"`
  if (orElse === undefined) return grammarOf(all, call)
  if (orElse === 'json') return grammarOf(all, `(${call}) | object`)
  const rules = new Rules(orElse)
  const other = rules.ruleOf(orElse, 0)
  return grammarOf(new Map([...all, ...rules.all]), `(${call}) | ${other}`)
}

function grammarOf(rules: ReadonlyMap<string, string>, root: string): string {
  const lines = [...Object.entries(COMMON), ...rules].map(([name, text]) => `${name} ::= ${text}`)
  return [`root ::= ${root}`, ...lines].join('\n')
}
