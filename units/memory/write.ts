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
  z.strictObject({ type: z.literal('set'), key: Key, value: Value }),
  z.strictObject({ type: z.literal('unset'), key: Key }),
  z.strictObject({ type: z.literal('append'), id: Key.optional(), value: Value }),
  z.strictObject({ type: z.literal('remove'), id: Key }),
  z.strictObject({
    type: z.literal('task'),
    id: Key.optional(),
    title: z.string().min(1).optional(),
    state: z.enum(['open', 'done', 'dropped']).optional(),
    assignee: z.string().nullable().optional()
  }),
  z.strictObject({
    type: z.literal('edit'),
    at: z.int().min(0),
    remove: z.int().min(0),
    insert: z.string()
  })
])

export const writeUnit = ({ memory }: MemoryNode) =>
  defineUnit({
    name: 'memory.write',
    kind: 'command',
    permission: 'use',
    summary: 'Several changes of one document: all of them or none. They are on disk when this returns.',
    input: z.strictObject({
      space: SpaceRef,
      doc: DocName,
      kind: WrittenKind.default('facts'),
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
      const { seq, ids } = await memory.write(space, doc, kind, changes as MemoryChange[], { signal })
      return { seq, ids: [...ids] }
    }
  })
