/** Recall: finding what is in memory. */

import * as z from 'zod'
import { DocKind, DocName } from '../../interface/memory.ts'
import { SEARCH_CHARS_MAX, SEARCH_FOUND_MAX, SearchMode } from '../../interface/memory-search.ts'
import { defineUnit } from '../define-unit.ts'
import { type MemoryNode, PEER_CHARS_MAX, SpaceRef, writerOf } from './shapes.ts'

/** Spaces, and documents, that one search names. */
const NAMED_MAX = 64

const Source = z.strictObject({
  /** PeerId of the device that states all of this, and when it did by its clock, ms. */
  writer: z.string(),
  added: z.number(),
  cid: z.string(),
  name: z.string(),
  type: z.string(),
  piece: z.int(),
  pieces: z.int(),
  heading: z.string().optional(),
  page: z.int().optional(),
  lines: z.array(z.int()).optional()
})

const Found = z.strictObject({
  space: z.string(),
  doc: z.string(),
  kind: DocKind,
  key: z.string().nullable(),
  text: z.string(),
  score: z.number(),
  writer: z.string().nullable(),
  at: z.number().nullable(),
  source: Source.nullable()
})

const Search = z.strictObject({
  query: z.string().min(1).max(SEARCH_CHARS_MAX).describe('words, or a question'),
  spaces: z.array(SpaceRef).min(1).max(NAMED_MAX).optional().describe('by default all'),
  docs: z.array(DocName).min(1).max(NAMED_MAX).optional(),
  kinds: z.array(DocKind).min(1).optional(),
  /** A device: PeerId or name. */
  writer: z.string().min(1).max(PEER_CHARS_MAX).optional().describe('only what this device wrote'),
  since: z.number().optional().describe('of entries and tasks: ms since 1970'),
  until: z.number().optional().describe('of entries and tasks: ms since 1970'),
  mode: SearchMode.default('hybrid'),
  limit: z.int().min(1).max(SEARCH_FOUND_MAX).default(10)
})

export const searchUnits = (node: MemoryNode) => [
  defineUnit({
    name: 'memory.search',
    kind: 'query',
    permission: 'use',
    summary: 'What is in memory about this, by its words and by what it means, the best first.',
    input: Search,
    examples: [{ input: { query: 'which door has the wifi password', spaces: ['home'], limit: 3 } }],
    output: z.strictObject({
      items: z.array(Found),
      mode: SearchMode,
      model: z.string().nullable(),
      /** Texts that no vector is there of yet, and those that the index had no room for. */
      pending: z.int(),
      left: z.int()
    }),
    async run({ query, writer, ...input }, { signal }) {
      const by = writer === undefined ? {} : { writer: writerOf(node, writer) }
      const options = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
      const { found, ...search } = await node.memory.search(query, { ...options, ...by, signal })
      const items = found.map(({ source, ...one }) => ({
        ...one,
        source: source && { ...source, ...(source.lines && { lines: [...source.lines] }) }
      }))
      return { items: items as z.input<typeof Found>[], ...search }
    }
  })
]
