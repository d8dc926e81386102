/** A space as one file of JSON: what can be read of it, so that another one can be made of it. Nothing of its chains. */

import * as z from 'zod'
import { LumosError } from '../../../interface/errors.ts'
import {
  type DocContent,
  DocKind,
  DocName,
  type MemoryChange,
  type MemoryValue
} from '../../../interface/memory.ts'

const FORMAT = 'lumos-memory/1'
/** In one envelope, which has 256 KiB at most. */
const CHANGES_BYTES = 64 * 1024
const CHANGES_MAX = 500
/** Characters of a text in one envelope: four bytes each at most. */
const TEXT_CHARS = 32 * 1024

/** Changes of one document that fit an envelope. */
export interface DocPart {
  readonly name: string
  readonly kind: DocKind
  readonly changes: readonly MemoryChange[]
}

const Value: z.ZodType<MemoryValue> = z.lazy(() =>
  z.union([z.null(), z.boolean(), z.number(), z.string(), z.array(Value), z.record(z.string(), Value)])
)
const Entry = z.object({ id: z.string(), value: Value })
const Task = z.object({
  id: z.string(),
  title: z.string(),
  state: z.enum(['open', 'done', 'dropped']),
  assignee: z.string().nullable()
})
const Portable = z.object({
  format: z.literal(FORMAT),
  docs: z.array(
    z.object({
      name: DocName,
      kind: DocKind,
      facts: z.record(z.string(), Value).optional(),
      entries: z.array(Entry).optional(),
      tasks: z.array(Task).optional(),
      text: z.string().optional(),
      update: z.string().optional()
    })
  )
})

export function exported(docs: readonly { name: string; content: DocContent }[]): Uint8Array {
  const portable = docs.map(({ name, content }) =>
    content.kind === 'raw'
      ? { name, kind: content.kind, update: Buffer.from(content.update).toString('base64') }
      : { name, ...content }
  )
  return new Uint8Array(Buffer.from(JSON.stringify({ format: FORMAT, docs: portable })))
}

/** One item for each envelope, and one for each raw document. @throws {LumosError} `INVALID_INPUT`. */
export function importable(bytes: Uint8Array): DocPart[] {
  let docs: z.infer<typeof Portable>['docs']
  try {
    docs = Portable.parse(JSON.parse(Buffer.from(bytes).toString())).docs
  } catch (cause) {
    throw new LumosError('INVALID_INPUT', 'This is no exported space.', { cause })
  }
  return docs.flatMap(({ name, kind, ...content }): DocPart[] => {
    if (kind === 'raw') return [{ name, kind, changes: [] }]
    return parts(changesOf(content)).map(changes => ({ name, kind, changes }))
  })
}

function changesOf(doc: Omit<z.infer<typeof Portable>['docs'][number], 'name' | 'kind'>): MemoryChange[] {
  const { facts = {}, entries = [], tasks = [], text = '' } = doc
  const ids = new Set<string>()
  const edits: MemoryChange[] = []
  for (let at = 0; at < text.length; at += TEXT_CHARS)
    edits.push({ type: 'edit', at, remove: 0, insert: text.slice(at, at + TEXT_CHARS) })
  return [
    ...Object.entries(facts).map(([key, value]) => ({ type: 'set', key, value }) as const),
    // Two devices have said two things under one id: the second gets an id of its own.
    ...entries.map(({ id, value }) => {
      const isFirst = !ids.has(id)
      ids.add(id)
      return { type: 'append', value, ...(isFirst && { id }) } as const
    }),
    ...tasks.map(task => ({ type: 'task', ...task }) as const),
    ...edits
  ]
}

function parts(changes: readonly MemoryChange[]): MemoryChange[][] {
  const found: MemoryChange[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const change of changes) {
    const length = JSON.stringify(change).length
    if (bytes + length > CHANGES_BYTES || found.at(-1)!.length === CHANGES_MAX) {
      found.push([])
      bytes = 0
    }
    found.at(-1)!.push(change)
    bytes += length
  }
  return found
}
