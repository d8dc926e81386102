/** What was written in memory, and what is being written. */

import * as z from 'zod'
import { LumosError } from '../../interface/errors.ts'
import { DocName } from '../../interface/memory.ts'
import { defineUnit } from '../define-unit.ts'
import { DeviceName, type MemoryNode, nameOf, SpaceRef } from './shapes.ts'

const HISTORY_MAX = 1000

const Changed = z.strictObject({
  space: z.string(),
  doc: z.string(),
  writer: z.string(),
  writerName: DeviceName,
  keys: z.array(z.string()).nullable()
})
const Watched = z.strictObject({ space: SpaceRef, doc: DocName.optional() })

async function* changes(
  node: MemoryNode,
  { space, doc }: z.output<typeof Watched>,
  signal?: AbortSignal
): AsyncGenerator<z.input<typeof Changed>> {
  for await (const change of node.memory.watch(space, { signal, ...(doc !== undefined && { doc }) })) {
    const { writer, keys } = change
    yield { ...change, writerName: nameOf(node, writer), keys: keys && [...keys] }
  }
}

export const historyUnits = (node: MemoryNode) => [
  defineUnit({
    name: 'memory.history',
    kind: 'query',
    permission: 'use',
    summary: 'Who wrote what and when, the newest first.',
    input: Watched.extend({ limit: z.int().min(1).max(HISTORY_MAX).default(100) }),
    examples: [{ input: { space: 'home', limit: 10 } }],
    output: z.strictObject({
      items: z.array(
        z.strictObject({
          writer: z.string(),
          writerName: DeviceName,
          seq: z.int(),
          at: z.number(),
          doc: z.string(),
          keys: z.array(z.string())
        })
      )
    }),
    async run({ space, doc, limit }, { signal }) {
      const items = await node.memory.history(space, { signal, limit, ...(doc !== undefined && { doc }) })
      const named = items.map(({ keys, ...item }) => {
        return { ...item, writerName: nameOf(node, item.writer), keys: [...keys] }
      })
      return { items: named }
    }
  }),
  defineUnit({
    name: 'memory.watch',
    kind: 'query',
    permission: 'use',
    endless: true,
    summary: 'The next change of a space. As a stream: each change from now on.',
    input: Watched,
    examples: [{ input: { space: 'home' } }],
    output: Changed,
    item: Changed,
    async run(input, { signal }) {
      for await (const change of changes(node, input, signal)) return change
      throw new LumosError('CANCELLED', 'The space is watched no longer.')
    },
    stream: (input, { signal }) => changes(node, input, signal)
  })
]
