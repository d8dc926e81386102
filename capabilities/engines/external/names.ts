/** Names in the protocol of programs are those of the HTTP face: `maxTokens` is written `max_tokens`. */

import { snakeCase } from '../../../interface/snake-case.ts'

/** What is in these the caller has named: names of tensors, and JSON Schema. */
const OPEN: ReadonlySet<string> = new Set(['tensors', 'schema', 'parameters'])

export const toWire = (value: unknown): unknown => renamed(value, snakeCase)

export const fromWire = (value: unknown): unknown =>
  renamed(value, name => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()))

function renamed(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map(item => renamed(item, rename))
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      rename(name),
      OPEN.has(name) ? member : renamed(member, rename)
    ])
  )
}
