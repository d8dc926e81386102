/** Whether JSON is what a JSON Schema of the listing says, and holds nothing besides. */

import * as z from 'zod'
import { toJson } from '../../gateway/json-answer.ts'

/** What is wrong in `value`, or nothing. */
export function wrongIn(schema: object, value: unknown): string | undefined {
  const accepts = z.fromJSONSchema(strict(schema) as z.core.JSONSchema.JSONSchema)
  const { error } = accepts.safeParse(JSON.parse(toJson(value)))
  return error && `${z.prettifyError(error)}\n${toJson(value)}`
}

/** The schema, with nothing allowed beside what it names. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict)
  if (!(schema instanceof Object)) return schema
  const inner = Object.fromEntries(
    Object.entries(schema)
      // Zod reads patterns without Unicode, in which they are meant; the registry's own check has them.
      .filter(([key, value]) => key !== 'pattern' || !String(value).includes('\\p{'))
      .map(([key, value]) => [key, strict(value)])
  )
  return 'properties' in inner ? { ...inner, additionalProperties: false } : inner
}
