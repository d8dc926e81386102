/**
 * Values of a schema with the names of JSON, and back: code says `peerId`, JSON says `peer_id`.
 *
 * Only fields that the schema names are renamed. Keys of records, bytes, and values that the schema leaves open
 * belong to the caller and stay as they are.
 */

import type * as z from 'zod'
import { isRecord } from '../interface/record.ts'
import { snakeCase } from '../interface/snake-case.ts'
import { type Shape, shapeOf } from './json-shape.ts'

type Path = readonly PropertyKey[]

export class JsonNames {
  readonly #shape: Shape

  constructor(schema: z.ZodType) {
    this.#shape = shapeOf(schema)
  }

  toJson(value: unknown): unknown {
    return inJson(value, this.#shape)
  }

  /** The value in the names of code. A field that has its name in code already is left out, and reported. */
  fromJson(value: unknown, onMisnamed: (path: Path) => void): unknown {
    return renamed(value, this.#shape, [], (shape, key, path) => {
      const name = shape.codeNames.get(key)
      if (name === undefined && shape.fields.has(key)) {
        onMisnamed([...path, key])
        return undefined
      }
      return name ?? key
    })
  }

  /** A path in the names of code, in those of JSON. */
  path(path: Path, value: unknown): Path {
    return this.#walk(path, value).path
  }

  /** The names in JSON of the fields at `path`. */
  fieldsAt(path: Path, value: unknown): readonly string[] {
    const { shape } = this.#walk(path, value)
    return shape?.kind === 'object' ? [...shape.codeNames.keys()] : []
  }

  #walk(path: Path, value: unknown): { path: Path; shape: Known } {
    const names: PropertyKey[] = []
    let shape = optionOf(this.#shape, value)
    let at = value
    for (const key of path) {
      const field = shape?.kind === 'object' ? shape.fields.get(String(key)) : undefined
      names.push(field?.json ?? key)
      at = at instanceof Object ? (at as Record<PropertyKey, unknown>)[key] : undefined
      shape = optionOf(shape?.kind === 'each' ? shape.shape : field?.shape, at)
    }
    return { path: names, shape }
  }
}

type Known = Exclude<Shape, { kind: 'choice' }>
type ObjectShape = Extract<Shape, { kind: 'object' }>
/** Another name for a field, or undefined to leave it out. */
type Rename = (shape: ObjectShape, key: string, path: Path) => string | undefined

/** Each answer passes here: it builds no paths, for nothing is wrong with what a unit gives. */
function inJson(value: unknown, from: Shape): unknown {
  const shape = optionOf(from, value)
  if (!shape?.renames) return value
  if (shape.kind === 'each') {
    if (Array.isArray(value)) return value.map(item => inJson(item, shape.shape))
    return isRecord(value)
      ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inJson(item, shape.shape)]))
      : value
  }
  if (!isRecord(value)) return value

  const named: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    const field = shape.fields.get(key)
    // A key that no schema names may be any, `__proto__` too.
    if (field === undefined) Object.defineProperty(named, key, { value: value[key], enumerable: true })
    else named[field.json] = inJson(value[key], field.shape)
  }
  return named
}

function renamed(value: unknown, from: Shape, path: Path, rename: Rename): unknown {
  const shape = optionOf(from, value)
  if (!shape?.renames) return value
  if (shape.kind === 'each') {
    const each = (item: unknown, key: PropertyKey) => renamed(item, shape.shape, [...path, key], rename)
    if (Array.isArray(value)) return value.map(each)
    return isRecord(value)
      ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, each(item, key)]))
      : value
  }
  if (!isRecord(value)) return value

  const entries = Object.entries(value).flatMap(([key, item]): [string, unknown][] => {
    const name = rename(shape, key, path)
    if (name === undefined) return []
    const field = shape.fields.get(key) ?? shape.fields.get(name)
    return [[name, renamed(item, field?.shape, [...path, key], rename)]]
  })
  return Object.fromEntries(entries)
}

/** Of a union, the option that `value` says it is. */
function optionOf(shape: Shape, value: unknown): Known {
  if (shape?.kind !== 'choice') return shape
  const tag = isRecord(value) ? (value[snakeCase(shape.by)] ?? value[shape.by]) : undefined
  return optionOf(shape.options.get(tag), value)
}
