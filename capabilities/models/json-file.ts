/** A JSON file of a model, which comes from anywhere. */

import { readFile, stat } from 'node:fs/promises'
import type * as z from 'zod'
import { decodeText } from '../../interface/decode-text.ts'
import { invalid } from './description.ts'

/** Files that are read so describe a model in some hundred lines. */
const JSON_BYTES_MAX = 1024 * 1024

/** A file of the repository that holds JSON. */
export async function readJson<S extends z.ZodType>(
  path: string,
  name: string,
  schema: S
): Promise<z.output<S>> {
  if ((await stat(path)).size > JSON_BYTES_MAX)
    throw invalid(`${name} is larger than ${JSON_BYTES_MAX} bytes`)
  let json: unknown
  try {
    json = JSON.parse(decodeText(await readFile(path)))
  } catch {
    // The message of a parser cites the file, and a link may have led to another's.
    throw invalid(`${name} is no JSON`)
  }
  const result = schema.safeParse(json)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw invalid(`${name}: ${issue.path.join('.')}: ${issue.message}`)
}
