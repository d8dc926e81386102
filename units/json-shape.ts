/** The fields that a schema names, each by its name in code and its name in JSON. */

import type * as z from 'zod'
import { LumosError } from '../interface/errors.ts'
import { snakeCase } from '../interface/snake-case.ts'

/** Undefined where a schema names no field. */
export type Shape = ObjectShape | EachShape | ChoiceShape | undefined

interface ObjectShape {
  readonly kind: 'object'
  /** By the name in code. */
  readonly fields: ReadonlyMap<string, Field>
  /** The name in code by the name in JSON. */
  readonly codeNames: ReadonlyMap<string, string>
  /** Whether a field in it has another name in JSON. All else is handed on as it is, at no cost. */
  readonly renames: boolean
}

interface Field {
  readonly json: string
  readonly shape: Shape
}

/** The items of an array, or the values of a record. */
interface EachShape {
  readonly kind: 'each'
  readonly shape: Shape
  readonly renames: boolean
}

/** A union whose options differ in the value of one field. */
interface ChoiceShape {
  readonly kind: 'choice'
  readonly by: string
  readonly options: ReadonlyMap<unknown, Shape>
  readonly renames: boolean
}

/** What is asked of a schema here; zod's own types of all kinds together are of no use. */
interface Definition {
  readonly type: string
  readonly shape: Record<string, z.ZodType>
  readonly element: z.ZodType
  readonly valueType: z.ZodType
  readonly innerType: z.ZodType
  readonly in: z.ZodType
  readonly options: readonly z.ZodType[]
  readonly discriminator?: string
}

/** Kinds that hold no field of their own and nothing that a schema describes. */
const LEAVES: ReadonlySet<string> = new Set(
  'string number int boolean bigint null undefined any unknown never enum literal template_literal custom transform'.split(
    ' '
  )
)

/** @throws {LumosError} `INTERNAL` for a kind of schema whose fields cannot be told beforehand. */
export function shapeOf(schema: z.ZodType): Shape {
  const def = schema._zod.def as unknown as Definition
  switch (def.type) {
    case 'object':
      return objectShape(def.shape)
    case 'array':
      return eachShape(shapeOf(def.element))
    case 'record':
      return eachShape(shapeOf(def.valueType))
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
      return shapeOf(def.innerType)
    case 'pipe':
      return shapeOf(def.in)
    case 'union':
      return choiceShape(def)
  }
  if (LEAVES.has(def.type)) return undefined
  throw new LumosError('INTERNAL', `A schema of a unit is a ${def.type}, which has no form in JSON here.`)
}

function objectShape(properties: Record<string, z.ZodType>): Shape {
  const fields = new Map<string, Field>(
    Object.entries(properties).map(([code, schema]) => [
      code,
      { json: snakeCase(code), shape: shapeOf(schema) }
    ])
  )
  return {
    kind: 'object',
    fields,
    codeNames: new Map([...fields].map(([code, { json }]) => [json, code])),
    renames: [...fields].some(([code, { json, shape }]) => code !== json || shape?.renames)
  }
}

const eachShape = (shape: Shape): Shape => shape && { kind: 'each', shape, renames: shape.renames }

function choiceShape({ options, discriminator }: Definition): Shape {
  const shapes = options.map(shapeOf)
  const renames = shapes.some(shape => shape?.renames)
  if (discriminator === undefined) {
    // Without renaming inside it does not matter which option a value is.
    if (!renames) return undefined
    throw new LumosError('INTERNAL', 'A union of a unit renames fields and has no discriminator.')
  }
  const byValue = options.flatMap((option, i) =>
    [...(option._zod.propValues?.[discriminator] ?? [])].map(value => [value, shapes[i]] as const)
  )
  return { kind: 'choice', by: discriminator, options: new Map(byValue), renames }
}
