/** The input of a unit from flags that its schema names: `--model x --max-tokens 5 --input.text hello`. */

import { LumosError } from '../../../interface/errors.ts'
import { isRecord } from '../../../interface/record.ts'
import { closestNames } from '../../../interface/suggest.ts'
import { flagName, isFlag, type Schema, typedValue, typesOf } from './field.ts'

interface Given {
  /** As it was typed, without its value. */
  readonly flag: string
  readonly path: readonly string[]
  readonly schema: Schema
  /** Absent for a flag that stands alone. */
  readonly text: string | undefined
}

/**
 * Adds the values of the flags to `input`. A flag that is repeated fills an array.
 *
 * @throws {LumosError} `USAGE` for a flag that names no field, or whose value the field cannot have.
 */
export async function withFlags(
  input: unknown,
  flags: readonly string[],
  schema: Schema
): Promise<Record<string, unknown>> {
  if (!isRecord(input)) throw new LumosError('USAGE', 'Flags add to an object; the input is none.')
  const whole = structuredClone(input)
  const filled = new Set<string>()
  for (const { flag, path, schema: field, text } of givenIn(flags, schema)) {
    const key = path.join('.')
    const isList = typesOf(field).has('array') && field.items !== undefined
    const isWhole = isList && !typesOf(field.items).has('string') && /^\s*\[/.test(text ?? '')
    if (filled.has(key) && (!isList || isWhole)) throw new LumosError('USAGE', `${flag} is there twice.`)
    const value =
      text === undefined
        ? !flag.startsWith('--no-')
        : await typedValue(flag, text, isList && !isWhole ? field.items! : field)
    put(
      whole,
      path,
      flag,
      isList && !isWhole ? [...(filled.has(key) ? (at(whole, path) as unknown[]) : []), value] : value
    )
    filled.add(key)
  }
  return whole
}

function* givenIn(flags: readonly string[], schema: Schema): Iterable<Given> {
  for (let i = 0; i < flags.length; i++) {
    const word = flags[i]!
    const [, flag, inline] = /^(--[^=]+)(?:=(.*))?$/s.exec(word) ?? []
    if (flag === undefined) {
      throw new LumosError('USAGE', `"${word.slice(0, 64)}" belongs to no flag.`, {
        hint: 'The input as JSON stands before all flags.'
      })
    }
    const field = fieldAt(flag, schema)
    const next = flags[i + 1]
    const alone = isFlag(field.schema) && inline === undefined && !/^(?:true|false)$/.test(next ?? '')
    if (alone) yield { flag, ...field, text: undefined }
    else {
      const text = inline ?? next
      if (text === undefined) throw new LumosError('USAGE', `${flag} needs a value.`)
      if (inline === undefined) i++
      yield { flag, ...field, text }
    }
  }
}

function fieldAt(flag: string, schema: Schema): Pick<Given, 'path' | 'schema'> {
  const names = flag.slice(2).split('.')
  const found = walk(names, schema)
  if (found !== undefined) return found
  const [first = '', ...others] = names
  const negated = first.startsWith('no-') ? walk([first.slice(3), ...others], schema) : undefined
  if (negated !== undefined && isFlag(negated.schema)) return negated
  const closest = closestNames(flag, Object.keys(schema.properties ?? {}).map(flagName))
  throw new LumosError('USAGE', `The unit has no field ${flag.slice(0, 64)}.`, {
    hint:
      closest.length > 0 ? `Closest: ${closest.join(', ')}.` : 'See its fields: lumos-node exec UNIT --help'
  })
}

function walk(names: readonly string[], schema: Schema): Pick<Given, 'path' | 'schema'> | undefined {
  const path: string[] = []
  let at = schema
  for (const name of names) {
    const field = name.replaceAll('-', '_')
    const { properties, additionalProperties } = at
    if (properties !== undefined && Object.hasOwn(properties, field)) {
      path.push(field)
      at = properties[field]!
    } else if (typesOf(at).size === 0 || (additionalProperties ?? false) !== false) {
      // Keys of open fields belong to the caller.
      path.push(name)
      at = additionalProperties instanceof Object ? additionalProperties : {}
    } else return undefined
  }
  return { path, schema: at }
}

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), value)

function put(whole: Record<string, unknown>, path: readonly string[], flag: string, value: unknown): void {
  let inner = whole
  for (const key of path.slice(0, -1)) {
    inner[key] ??= {}
    const next = inner[key]
    if (!isRecord(next)) throw new LumosError('USAGE', `${flag} is inside of a value that is no object.`)
    inner = next
  }
  inner[path.at(-1)!] = value
}
