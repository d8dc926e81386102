/** The JSON Schema of what goes in and out of a unit, in the names of JSON. */

import * as z from 'zod'
import { snakeCase } from '../interface/snake-case.ts'

/** Bytes, the only thing here that JSON has no word for, are described as the base64 they travel in. */
export function jsonSchemaOf(schema: z.ZodType): object {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      const { type } = zodSchema._zod.def
      if (type === 'custom') {
        jsonSchema.type = 'string'
        jsonSchema.contentEncoding = 'base64'
      }
      if (type === 'object') {
        const { properties = {}, required } = jsonSchema
        jsonSchema.properties = Object.fromEntries(
          Object.entries(properties).map(([name, inner]) => [snakeCase(name), inner])
        )
        if (required !== undefined) jsonSchema.required = required.map(snakeCase)
      }
    }
  })
}
