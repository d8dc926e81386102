/** Documents of memory: what agents and people keep in them. */

import * as z from 'zod'
import { LumosError } from '../../interface/errors.ts'
import { DocKind, DocName, type MemoryChange } from '../../interface/memory.ts'
import { defineUnit } from '../define-unit.ts'
import { historyUnits } from './history.ts'
import { Doc, Key, type MemoryNode, SpaceRef, toValue, Value, WRITE_BYTES_MAX, Written } from './shapes.ts'

const TITLE_CHARS_MAX = 4096
/** As many as a document has slots. */
const ENTRIES_MAX = 600_000

export const documentUnits = (node: MemoryNode) => [
  ...read(node),
  ...historyUnits(node),
  ...facts(node),
  ...lists(node),
  ...notes(node)
]

const Entry = z.strictObject({ id: z.string(), value: Value, writer: z.string(), at: z.number() })
const Task = z.strictObject({
  id: z.string(),
  title: z.string(),
  state: z.enum(['open', 'done', 'dropped']),
  assignee: z.string().nullable(),
  writer: z.string(),
  at: z.number()
})
const Content = z.strictObject({
  kind: DocKind,
  facts: z.record(z.string(), Value).optional(),
  entries: z.array(Entry).optional(),
  /** Entries before those that were asked for. */
  earlier: z.int().optional(),
  tasks: z.array(Task).optional(),
  text: z.string().optional(),
  /** Yjs state, of a raw document. */
  update: z.instanceof(Uint8Array).optional()
})
const read = (node: MemoryNode) => [
  defineUnit({
    name: 'memory.open',
    kind: 'query',
    permission: 'use',
    summary:
      'A document: its facts, entries, tasks or text. Of a long journal or thread, ask for the last entries.',
    input: z.strictObject({
      space: SpaceRef,
      doc: Doc,
      kind: DocKind.optional().describe('which of several documents of this name'),
      last: z.int().min(1).max(ENTRIES_MAX).optional().describe('of entries, so many of the newest')
    }),
    examples: [{ input: { space: 'home', doc: 'log', last: 20 } }],
    output: Content,
    run: async ({ space, doc, kind, last }, { signal }) =>
      (await node.memory.read(space, doc, { signal, kind, last })) as unknown as z.input<typeof Content>
  }),
  defineUnit({
    name: 'memory.get',
    kind: 'query',
    permission: 'use',
    summary: 'One fact of a space, or the entry or task of an id.',
    input: z.strictObject({ space: SpaceRef, key: Key, doc: Doc }),
    examples: [{ input: { space: 'home', key: 'wifi' }, output: { value: 'blue door' } }],
    output: z.strictObject({ value: Value }),
    async run({ space, key, doc }, { signal }) {
      const value = await node.memory.get(space, doc, key, { signal })
      if (value !== undefined) return { value }
      throw new LumosError('MEMORY_NOT_FOUND', `The document ${doc} of ${space} has no "${key}".`, {
        hint: `Find it: lumos-node memory search ${space} WORDS. All: lumos-node memory open ${space} ${doc}`
      })
    }
  })
]

const facts = ({ memory }: MemoryNode) => [
  defineUnit({
    name: 'memory.set',
    kind: 'command',
    permission: 'use',
    idempotent: true,
    summary: 'Keep a fact. It is on disk when this returns.',
    input: z.strictObject({ space: SpaceRef, key: Key, value: Value, doc: Doc }),
    inputBytesMax: WRITE_BYTES_MAX,
    examples: [{ input: { space: 'home', key: 'wifi', value: 'blue door' }, output: { seq: 7, id: null } }],
    output: Written,
    async run({ space, key, value, doc }, { signal }) {
      const change: MemoryChange = { type: 'set', key, value: toValue(value) }
      const { seq } = await memory.write(space, doc, 'facts', [change], { signal })
      return { seq, id: null }
    }
  }),
  defineUnit({
    name: 'memory.unset',
    kind: 'command',
    permission: 'use',
    idempotent: true,
    summary: 'Keep a fact no longer.',
    input: z.strictObject({ space: SpaceRef, key: Key, doc: Doc }),
    examples: [{ input: { space: 'home', key: 'wifi' }, output: { seq: 8, id: null } }],
    output: Written,
    async run({ space, key, doc }, { signal }) {
      const { seq } = await memory.write(space, doc, 'facts', [{ type: 'unset', key }], { signal })
      return { seq, id: null }
    }
  })
]

const lists = ({ memory }: MemoryNode) => [
  defineUnit({
    name: 'memory.append',
    kind: 'command',
    permission: 'use',
    summary: 'Append an entry to a journal, or a message to a thread.',
    input: z.strictObject({
      space: SpaceRef,
      doc: DocName,
      value: Value,
      id: Key.optional(),
      /** Of a document that is there already, its own; else a journal. */
      kind: z.enum(['journal', 'thread']).optional().describe('of a new document; by default a journal')
    }),
    inputBytesMax: WRITE_BYTES_MAX,
    examples: [
      { input: { space: 'home', doc: 'log', value: 'fed the cat' }, output: { seq: 8, id: 'k2j9' } }
    ],
    output: Written,
    async run({ space, doc, kind, value, id }, { signal }) {
      const change: MemoryChange = { type: 'append', value: toValue(value), ...(id !== undefined && { id }) }
      const { seq, ids } = await memory.write(space, doc, kind ?? null, [change], { signal })
      return { seq, id: ids[0] ?? null }
    }
  }),
  defineUnit({
    name: 'memory.remove',
    kind: 'command',
    permission: 'use',
    idempotent: true,
    summary: 'Remove an entry, a message or a task by its id.',
    input: z.strictObject({ space: SpaceRef, doc: DocName, id: Key }),
    examples: [{ input: { space: 'home', doc: 'log', id: 'k2j9' }, output: { seq: 9, id: 'k2j9' } }],
    output: Written,
    async run({ space, doc, id }, { signal }) {
      const { seq } = await memory.write(space, doc, null, [{ type: 'remove', id }], { signal })
      return { seq, id }
    }
  }),
  defineUnit({
    name: 'memory.task',
    kind: 'command',
    permission: 'use',
    summary: 'Add a task, or change the title, state or assignee of one.',
    input: z.strictObject({
      space: SpaceRef,
      doc: DocName.default('tasks'),
      id: Key.optional().describe('of the task that changes; a new one needs none'),
      title: z.string().min(1).max(TITLE_CHARS_MAX).optional(),
      state: z.enum(['open', 'done', 'dropped']).optional(),
      assignee: z.string().max(TITLE_CHARS_MAX).nullable().optional()
    }),
    examples: [{ input: { space: 'home', title: 'buy milk' }, output: { seq: 9, id: 'p0x1' } }],
    output: Written,
    async run({ space, doc, ...task }, { signal }) {
      if (task.id === undefined && task.title === undefined)
        throw new LumosError('INVALID_INPUT', 'A new task needs a title; the id says which task changes.')
      const change = { type: 'task', ...task } as MemoryChange
      const { seq, ids } = await memory.write(space, doc, 'tasks', [change], { signal })
      return { seq, id: task.id ?? ids[0] ?? null }
    }
  })
]

const notes = ({ memory }: MemoryNode) => [
  defineUnit({
    name: 'memory.edit',
    kind: 'command',
    permission: 'use',
    summary: 'Give notes this text. Only what differs is written, so that edits of other devices stay.',
    input: z.strictObject({ space: SpaceRef, doc: DocName, text: z.string().describe('all of it') }),
    inputBytesMax: WRITE_BYTES_MAX,
    examples: [{ input: { space: 'home', doc: 'page', text: 'some notes' }, output: { seq: 10, id: null } }],
    output: Written,
    async run({ space, doc, text }, { signal }) {
      const { seq } = await memory.write(space, doc, 'notes', [{ type: 'text', text }], { signal })
      return { seq, id: null }
    }
  })
]
