/** Several changes of one document at once. */

import * as z from 'zod'
import { DOC_KINDS, DocName, type MemoryChange } from '../../interface/memory.ts'
import { defineUnit } from '../define-unit.ts'
import { Key, type MemoryNode, SpaceRef, Value, WRITE_BYTES_MAX } from './shapes.ts'

/** An envelope of 256 KiB holds a few thousand short facts. */
const CHANGES_MAX = 1000

/** A raw document is changed by Yjs, and no program does that over HTTP. */
const WrittenKind = z.enum(DOC_KINDS).exclude(['raw'])
/** The document says which it knows, and checks what they hold. */
const Change = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('set'), key: Key, value: Value }).describe('a fact'),
  z.strictObject({ type: z.literal('unset'), key: Key }).describe('a fact is kept no longer'),
  z
    .strictObject({ type: z.literal('append'), id: Key.optional(), value: Value })
    .describe('an entry of a journal, a message of a thread'),
  z.strictObject({ type: z.literal('remove'), id: Key }).describe('an entry, a message or a task'),
  z
    .strictObject({
      type: z.literal('task'),
      id: Key.optional().describe('of the task that changes; a new one needs none'),
      title: z.string().min(1).optional(),
      state: z.enum(['open', 'done', 'dropped']).optional(),
      assignee: z.string().nullable().optional()
    })
    .describe('a task, new or changed'),
  z
    .strictObject({ type: z.literal('text'), text: z.string() })
    .describe('notes, alone: all of their text; only what differs is written'),
  z
    .strictObject({ type: z.literal('replace'), find: z.string().min(1), insert: z.string() })
    .describe('notes: a text that stands there once is replaced'),
  z
    .strictObject({
      type: z.literal('edit'),
      at: z.int().min(0),
      remove: z.int().min(0),
      insert: z.string()
    })
    .describe('notes: characters (UTF-16) from a place on are removed, and others put there')
])

export const writeUnit = ({ memory }: MemoryNode) =>
  defineUnit({
    name: 'memory.write',
    kind: 'command',
    permission: 'use',
    summary: 'Several changes of one document: all of them or none. They are on disk when this returns.',
    input: z.strictObject({
      space: SpaceRef,
      doc: DocName.describe('its name; the first write makes it'),
      kind: WrittenKind.optional().describe(
        'of a document that is there its own; else that of the first change, where `append` makes a journal'
      ),
      changes: z.array(Change).min(1).max(CHANGES_MAX)
    }),
    inputBytesMax: WRITE_BYTES_MAX,
    examples: [
      {
        input: { space: 'home', doc: 'default', changes: [{ type: 'set', key: 'wifi', value: 'blue door' }] },
        output: { seq: 11, ids: [] }
      }
    ],
    output: z.strictObject({ seq: z.int(), ids: z.array(z.string()) }),
    async run({ space, doc, kind, changes }, { signal }) {
      const { seq, ids } = await memory.write(space, doc, kind ?? null, changes as MemoryChange[], { signal })
      return { seq, ids: [...ids] }
    }
  })
