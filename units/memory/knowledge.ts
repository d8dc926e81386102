/** Knowledge: files whose text a space keeps. A unit takes what is in a file and never a path: no caller has this device read its disk. */

import * as z from 'zod'
import { InvalidInputError } from '../../interface/errors.ts'
import { DocName } from '../../interface/memory.ts'
import { FILE_BYTES_MAX } from '../../interface/memory-files.ts'
import { bytesMax } from '../../interface/tasks/bytes.ts'
import { defineUnit } from '../define-unit.ts'
import { IMPORT_BYTES_MAX, type MemoryNode, SpaceRef } from './shapes.ts'

const NAME_CHARS_MAX = 256
const ROOT_CHARS_MAX = 64

const InDoc = z.strictObject({ space: SpaceRef, doc: DocName.default('knowledge') })
const Name = z.string().min(1).max(NAME_CHARS_MAX)
const Source = z.strictObject({
  name: z.string(),
  cid: z.string(),
  bytes: z.int(),
  type: z.string(),
  title: z.string().nullable(),
  pieces: z.int(),
  /** Of the file, ms. */
  modified: z.number().nullable(),
  root: z.string().nullable(),
  /** PeerId of the device that added it, and when by its clock, ms. */
  writer: z.string(),
  added: z.number(),
  /** False where pieces of it are missing: add it again. */
  whole: z.boolean()
})

export const knowledgeUnits = ({ memory }: MemoryNode) => [
  defineUnit({
    name: 'memory.add',
    kind: 'command',
    permission: 'use',
    idempotent: true,
    summary: 'Keep the text of a file (text, Markdown, HTML, PDF) in pieces that can be quoted.',
    input: InDoc.extend({
      name: Name,
      /** The file, or its text. */
      content: bytesMax(FILE_BYTES_MAX).optional(),
      text: z.string().optional(),
      /** When the file was changed last, ms. */
      modified: z.number().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
      /** Tells folders of this device apart. */
      root: z.string().min(1).max(ROOT_CHARS_MAX).optional()
    }),
    inputBytesMax: IMPORT_BYTES_MAX,
    examples: [{ input: { space: 'home', name: 'notes.md', text: 'The door is blue.' } }],
    output: z.strictObject({
      name: z.string(),
      cid: z.string(),
      status: z.enum(['added', 'updated', 'unchanged']),
      pieces: z.int(),
      written: z.int()
    }),
    async run({ space, doc, content, text, ...file }, { signal }) {
      if ((content === undefined) === (text === undefined))
        throw new InvalidInputError('Give the file as `content`, or its text as `text`.')
      return await memory.addFile(space, { ...file, bytes: content ?? Buffer.from(text!) }, { doc, signal })
    }
  }),
  defineUnit({
    name: 'memory.sources',
    kind: 'query',
    permission: 'use',
    summary: 'The files of a space: their CIDs, which device added each and when.',
    input: InDoc,
    examples: [{ input: { space: 'home' } }],
    output: z.strictObject({ items: z.array(Source) }),
    run: async ({ space, doc }, { signal }) => ({ items: await memory.files(space, { doc, signal }) })
  }),
  defineUnit({
    name: 'memory.remove_source',
    kind: 'command',
    permission: 'use',
    idempotent: true,
    summary: 'Keep a file of a space no longer.',
    input: InDoc.extend({ name: Name }),
    examples: [{ input: { space: 'home', name: 'notes.md' }, output: { removed: true } }],
    output: z.strictObject({ removed: z.boolean() }),
    run: async ({ space, doc, name }, { signal }) => ({
      removed: await memory.removeFile(space, name, { doc, signal })
    })
  })
]
