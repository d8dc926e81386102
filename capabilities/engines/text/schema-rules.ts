/** JSON Schema as rules of a grammar (GBNF). */

import { InvalidInputError } from '../../../interface/errors.ts'
import { isRecord } from '../../../interface/record.ts'

/** Each makes a rule or two; a grammar of more is slow for every token. */
const PARTS_MAX = 2000
const DEPTH_MAX = 32
/** A list or text that must have more than this is only held to its form. */
const REPEATS_MAX = 1000

/**
 * Words that say which form a value has in a way that no rule says. What narrows a text, a number or a list (`pattern`,
 * `format`, `minimum`, `uniqueItems` and the like) is left open: a caller checks it.
 */
const UNHELD: readonly string[] = [
  ...['not', 'if', 'patternProperties', 'dependentRequired', 'dependentSchemas', 'dependencies'],
  ...['contains', 'minProperties', 'unevaluatedItems', '$dynamicRef', '$recursiveRef']
]

/** Words that say something of a form, beside what is chosen or put together. */
const FORM_WORDS: readonly string[] = [
  ...['type', 'properties', 'required', 'additionalProperties', 'items', 'prefixItems', 'anyOf', 'oneOf'],
  ...['minItems', 'maxItems', 'minLength', 'maxLength']
]

export type Schema = Readonly<Record<string, unknown>>

/** A rule for each part of a schema, that names others and those that all grammars have. */
export class Rules {
  readonly all = new Map<string, string>()
  readonly #whole: Schema
  readonly #prefix: string
  readonly #references = new Map<string, string>()
  readonly #isLenient: boolean
  #parts = 0

  /** @param options `prefix` begins the name of each rule; `isLenient` leaves open what no rule says. */
  constructor(whole: Schema, { prefix = '', isLenient = false } = {}) {
    this.#whole = whole
    this.#prefix = prefix
    this.#isLenient = isLenient
  }

  /** Name of the rule for a schema. */
  ruleOf(schema: unknown, depth: number): string {
    this.#count()
    if (depth > DEPTH_MAX) throw new InvalidInputError(`The schema is more than ${DEPTH_MAX} levels deep.`)
    if (schema === false) throw new InvalidInputError('The schema allows no value at all in a place.')
    // `true`, and what says nothing.
    if (!isRecord(schema)) return 'value'
    if (typeof schema.$ref === 'string') return this.#reference(schema.$ref, depth)
    if (Array.isArray(schema.allOf)) {
      const { allOf, ...rest } = schema
      return this.ruleOf(this.#merged(rest, allOf, depth), depth + 1)
    }
    const unheld = UNHELD.find(word => schema[word] !== undefined)
    if (unheld !== undefined && !this.#isLenient)
      throw new InvalidInputError(
        `The schema says ${JSON.stringify(unheld)}, to which no answer can be held here.`
      )
    if ('const' in schema) return this.#add(literal(JSON.stringify(schema.const)))
    if (schema.enum !== undefined)
      return this.#choice('enum', schema.enum, one => literal(JSON.stringify(one)))
    const { anyOf, oneOf, ...rest } = schema
    const choices = anyOf ?? oneOf
    if (choices !== undefined)
      return this.#choice('anyOf', choices, one => this.ruleOf(this.#merged(rest, [one], depth), depth + 1))
    if (Array.isArray(schema.type))
      return this.#choice('type', schema.type, type => this.ruleOf({ ...schema, type }, depth + 1))
    return this.#typed(schema, depth)
  }

  #choice(word: string, choices: unknown, textOf: (choice: unknown) => string): string {
    if (!Array.isArray(choices) || choices.length === 0)
      throw new InvalidInputError(`The schema has no choice in ${JSON.stringify(word)}.`)
    return this.#add(choices.map(textOf).join(' | '))
  }

  /** One schema that says what each of them says. A reference alone stays one: it may lead to where it is. */
  #merged(schema: Schema, others: readonly unknown[], depth: number): unknown {
    if (others.length === 1 && !FORM_WORDS.some(word => word in schema)) return others[0]
    const parts = [schema, ...others].map(one => this.#whatIs(one, depth)).filter(isRecord)
    const properties = parts.flatMap(one => (isRecord(one.properties) ? [one.properties] : []))
    const required = parts.flatMap(one => (Array.isArray(one.required) ? one.required : []))
    return {
      ...Object.assign({}, ...parts),
      ...(properties.length > 0 && { properties: Object.assign({}, ...properties) }),
      ...(required.length > 0 && { required })
    }
  }

  /** A schema without a reference, and without parts that have to be put together. */
  #whatIs(schema: unknown, depth: number): unknown {
    this.#count()
    if (depth > DEPTH_MAX) throw new InvalidInputError('The parts of the schema have no end.')
    if (!isRecord(schema)) return schema
    if (typeof schema.$ref === 'string') return this.#whatIs(this.#part(schema.$ref), depth + 1)
    const { allOf, ...rest } = schema
    return Array.isArray(allOf) ? this.#whatIs(this.#merged(rest, allOf, depth + 1), depth + 1) : schema
  }

  #typed(schema: Schema, depth: number): string {
    const { type = 'properties' in schema || 'required' in schema ? 'object' : undefined } = schema
    switch (type) {
      case 'object':
        return this.#object(schema, depth)
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
        return type
      case undefined:
        return 'value'
      default:
        throw new InvalidInputError(
          `The schema has the type ${JSON.stringify(type).slice(0, 64)}, which JSON has not.`
        )
    }
  }

  /** Its properties in their order: one that is not required may be missing. */
  #object({ required, properties: stated, additionalProperties: others }: Schema, depth: number): string {
    const needed = new Set<string>(Array.isArray(required) ? required.map(String) : [])
    const properties: Schema = isRecord(stated) ? stated : {}
    const unnamed = [...needed]
      .filter(name => !Object.hasOwn(properties, name))
      .map(name => [name, others] as const)
    const named = [...Object.entries(properties), ...unnamed].filter(
      ([name, schema]) => schema !== false || needed.has(name)
    )
    if (named.length === 0 && stated === undefined) return this.#map(others, depth)
    const members = named.map(([name, schema]) => ({
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

  /** With names that the model chooses. */
  #map(values: unknown, depth: number): string {
    if (values === false) return this.#add('"{" ws "}"')
    const member = `string ":" ws ${this.ruleOf(values, depth + 1)}`
    return values === undefined ? 'object' : this.#add(`"{" ws (${member} ("," ws ${member})*)? ws "}"`)
  }

  #array({ items, prefixItems, minItems, maxItems }: Schema, depth: number): string {
    if (Array.isArray(prefixItems) && prefixItems.length > 0) {
      const parts = prefixItems.map(one => this.ruleOf(one, depth + 1))
      return this.#add(`"[" ws ${parts.join(' "," ws ')} ws "]"`)
    }
    if (items === false) return this.#add('"[" ws "]"')
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
    const part = this.#part(reference)
    const name = this.#add('')
    this.#references.set(reference, name)
    this.all.set(name, this.ruleOf(part, depth + 1))
    return name
  }

  #part(reference: string): unknown {
    let part: unknown = this.#whole
    for (const name of reference.split('/').slice(1)) {
      const key = name.replaceAll('~1', '/').replaceAll('~0', '~')
      part = isRecord(part) && Object.hasOwn(part, key) ? part[key] : undefined
    }
    if (reference.startsWith('#') && part !== undefined) return part
    throw new InvalidInputError(`The schema has no part ${JSON.stringify(reference.slice(0, 128))}.`)
  }

  /** Of what is referred to often, each time: a small schema may stand for a large one. */
  #count(): void {
    if (++this.#parts > PARTS_MAX)
      throw new InvalidInputError(`The schema has more than ${PARTS_MAX} parts, which is the limit.`)
  }

  #add(text: string): string {
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
export const literal = (text: string): string =>
  `"${text.replace(/["\\\n\r\t]/g, found => ({ '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r' })[found] ?? '\\t')}"`
