/** Spaces of memory: which there are, which devices share them, and their end. */

import * as z from 'zod'
import { DocName, EXPORT_FORMATS, SPACE_PARTS, SpaceName } from '../../interface/memory.ts'
import { defineUnit } from '../define-unit.ts'
import {
  DocList,
  grantee,
  IMPORT_BYTES_MAX,
  type MemoryNode,
  memberOf,
  Right,
  Space,
  SpaceRef,
  To,
  toSpace,
  writerOf
} from './shapes.ts'

/** What `exact` leaves out of an import, and `markdown` of both: raw documents. */
const Format = z.enum(EXPORT_FORMATS).default('exact')
const InSpace = z.strictObject({ space: SpaceRef })

export const spaceUnits = (node: MemoryNode) => [...kept(node), ...shared(node), ...cared(node)]

const kept = (node: MemoryNode) => [
  defineUnit({
    name: 'memory.create',
    kind: 'command',
    permission: 'use',
    summary: 'Make a space of memory on this device. It is private until it is shared.',
    input: z.strictObject({ name: SpaceName }),
    examples: [{ input: { name: 'home' } }],
    output: Space,
    run: async ({ name }, { signal }) => toSpace(node, await node.memory.create(name, { signal }))
  }),
  defineUnit({
    name: 'memory.list',
    kind: 'query',
    permission: 'use',
    summary: 'The spaces of this device.',
    input: z.strictObject({}),
    output: z.strictObject({ items: z.array(Space) }),
    run: async (_, { signal }) => ({
      items: (await node.memory.spaces({ signal })).map(space => toSpace(node, space))
    })
  }),
  defineUnit({
    name: 'memory.docs',
    kind: 'query',
    permission: 'use',
    summary: 'The documents of a space.',
    input: InSpace,
    examples: [{ input: { space: 'home' } }],
    output: DocList,
    run: async ({ space }, { signal }) => ({ items: await node.memory.docs(space, { signal }) })
  }),
  defineUnit({
    name: 'memory.status',
    kind: 'query',
    permission: 'use',
    summary: 'One space: its content hash, its size, and the connected devices that have it too.',
    input: InSpace,
    examples: [{ input: { space: 'home' } }],
    output: Space,
    run: async ({ space }, { signal }) => toSpace(node, await node.memory.space(space, { signal }))
  })
]

const shared = (node: MemoryNode) => [
  defineUnit({
    name: 'memory.share',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Give a device, or each device of a role, a right in a space: carry, read, write or own.',
    input: To.extend({ right: Right.default('read') }),
    examples: [{ input: { space: 'home', peer: 'den', right: 'write' } }],
    output: Space,
    run: async ({ space, right, ...to }, { signal }) =>
      toSpace(
        node,
        await node.memory.share(
          space,
          grantee(to, peer => memberOf(node, peer)),
          right,
          { signal }
        )
      )
  }),
  defineUnit({
    name: 'memory.unshare',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Take its right from a device or role. What is written from now on has another key.',
    input: To,
    examples: [{ input: { space: 'home', role: 'edge' } }],
    output: Space,
    run: async ({ space, ...to }, { signal }) =>
      toSpace(
        node,
        await node.memory.share(
          space,
          grantee(to, peer => writerOf(node, peer)),
          null,
          { signal }
        )
      )
  }),
  defineUnit({
    name: 'memory.exclude',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Let nothing count that a device wrote in a space, on each device of the space.',
    input: z.strictObject({ space: SpaceRef, peer: z.string().min(1).max(128) }),
    examples: [{ input: { space: 'home', peer: 'old-laptop' } }],
    output: Space,
    run: async ({ space, peer }, { signal }) =>
      toSpace(node, await node.memory.exclude(space, writerOf(node, peer), { signal }))
  })
]

const cared = (node: MemoryNode) => [
  defineUnit({
    name: 'memory.forget',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Remove a document or a space, on each device that has it.',
    input: z.strictObject({ space: SpaceRef, doc: DocName.optional() }),
    examples: [{ input: { space: 'home', doc: 'log' }, output: { space: 'home', doc: 'log' } }],
    output: z.strictObject({ space: z.string(), doc: z.string().nullable() }),
    async run({ space, doc }, { signal }) {
      await node.memory.forget(space, { signal, ...(doc !== undefined && { doc }) })
      return { space, doc: doc ?? null }
    }
  }),
  defineUnit({
    name: 'memory.hold',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Keep all of the log of a space on this device, or the newest snapshot and what came after.',
    input: z.strictObject({ space: SpaceRef, part: z.enum(SPACE_PARTS) }),
    examples: [{ input: { space: 'home', part: 'newest' } }],
    output: Space,
    run: async ({ space, part }, { signal }) => toSpace(node, await node.memory.hold(space, part, { signal }))
  }),
  defineUnit({
    name: 'memory.compact',
    kind: 'command',
    permission: 'manage',
    summary: 'Put a signed snapshot in the place of the history that each device of the space has.',
    input: InSpace,
    examples: [{ input: { space: 'home' }, output: { bytes_before: 1400000, bytes_after: 106000 } }],
    output: z.strictObject({ bytesBefore: z.int(), bytesAfter: z.int() }),
    run: ({ space }, { signal }) => node.memory.compact(space, { signal })
  }),
  defineUnit({
    name: 'memory.verify',
    kind: 'command',
    permission: 'manage',
    summary: 'Check each signature and chain of a space anew, and rebuild its documents.',
    input: InSpace,
    examples: [{ input: { space: 'home' }, output: { envelopes: 12, problems: [] } }],
    output: z.strictObject({ envelopes: z.int(), problems: z.array(z.string()) }),
    async run({ space }, { signal }) {
      const { envelopes, problems } = await node.memory.verify(space, { signal })
      return { envelopes, problems: [...problems] }
    }
  }),
  defineUnit({
    name: 'memory.export',
    kind: 'query',
    permission: 'use',
    summary: 'The readable content of a space, as the text that memory.import takes.',
    input: InSpace.extend({ format: Format }),
    examples: [{ input: { space: 'home' } }],
    output: z.strictObject({ text: z.string(), leftOut: z.array(z.string()) }),
    async run({ space, format }, { signal }) {
      const text = Buffer.from(await node.memory.export(space, { format, signal })).toString()
      const docs = format === 'exact' ? [] : await node.memory.docs(space, { signal })
      return { text, leftOut: docs.filter(({ kind }) => kind === 'raw').map(({ name }) => name) }
    }
  }),
  defineUnit({
    name: 'memory.import',
    kind: 'command',
    permission: 'manage',
    summary: 'Make a new space of what memory.export gave.',
    input: z.strictObject({ name: SpaceName, text: z.string(), format: Format }),
    inputBytesMax: IMPORT_BYTES_MAX,
    examples: [{ input: { name: 'copy', text: '{…}' } }],
    output: Space.extend({ leftOut: z.array(z.string()) }),
    async run({ name, text, format }, { signal }) {
      const bytes = new Uint8Array(Buffer.from(text))
      const { leftOut, ...space } = await node.memory.import(name, bytes, { format, signal })
      return { ...toSpace(node, space), leftOut: [...leftOut] }
    }
  })
]
