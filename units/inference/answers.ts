/** Answers that are kept: to be read again, cancelled or deleted by their ids. */

import * as z from 'zod'
import { AnswerId, AnswerInfo } from '../../interface/answers.ts'
import { LumosError } from '../../interface/errors.ts'
import type { LumosNode } from '../../interface/node.ts'
import type { Caller } from '../../interface/units.ts'
import { defineUnit } from '../define-unit.ts'
import { Chunk } from './chunk.ts'

const INDEX_MAX = 2 ** 32 - 1
const ID = '5f0c9a2b7d1e4c3a8b6d0e1f2a3b4c5d-3kQ9rXvT7mPz'

const Wanted = z.strictObject({ id: AnswerId })
const From = z.strictObject({
  id: AnswerId,
  /** Index of the first chunk. */
  from: z.int().min(0).max(INDEX_MAX).default(0)
})

export const answerUnits = (node: Pick<LumosNode, 'answers'>) => [
  defineUnit({
    name: 'inference.answers',
    kind: 'query',
    // An id opens its answer, so the list is for the person at the device.
    permission: 'keys',
    summary: 'The answers that this device has asked for and keeps, the newest first, with their ids.',
    input: z.strictObject({}),
    output: z.strictObject({ items: z.array(AnswerInfo) }),
    run: async () => ({ items: await node.answers.list() })
  }),
  defineUnit({
    name: 'inference.answer',
    kind: 'query',
    permission: 'use',
    summary: 'How far a kept answer is, or how it ended, and what its program keeps with it.',
    takesPeer: true,
    examples: [{ input: { id: ID } }],
    input: Wanted,
    output: z.strictObject({ ...AnswerInfo.shape, note: z.unknown() }),
    async run({ id }, { caller, peer, signal }) {
      checkOrigin(caller)
      const { info, note } = await node.answers.show(id, { peer, signal })
      return { ...info, note: note ?? null }
    }
  }),
  defineUnit({
    name: 'inference.attach',
    kind: 'query',
    permission: 'use',
    summary: 'The chunks of a kept answer, each once. As a stream: those that are still to come, too.',
    takesPeer: true,
    examples: [{ input: { id: ID, from: 12 } }],
    input: From,
    output: z.strictObject({ items: z.array(Chunk) }),
    item: Chunk,
    async run({ id, from }, { caller, peer, signal }) {
      checkOrigin(caller)
      return { items: await Array.fromAsync(node.answers.read(id, { from, follow: false, peer, signal })) }
    },
    stream({ id, from }, { caller, peer, signal }) {
      checkOrigin(caller)
      return node.answers.read(id, { from, peer, signal })
    }
  }),
  defineUnit({
    name: 'inference.cancel',
    kind: 'command',
    permission: 'use',
    idempotent: true,
    summary:
      'End an answer that this device asks for. What has come stays. One that has ended stays as it is.',
    examples: [{ input: { id: ID } }],
    input: Wanted,
    output: AnswerInfo,
    async run({ id }, { caller }) {
      checkOrigin(caller)
      return await node.answers.cancel(id)
    }
  }),
  defineUnit({
    name: 'inference.forget',
    kind: 'command',
    permission: 'use',
    summary: 'Delete a kept answer. One that is under way is cancelled.',
    examples: [{ input: { id: ID }, output: { id: ID } }],
    input: Wanted,
    output: z.strictObject({ id: AnswerId }),
    async run({ id }, { caller }) {
      checkOrigin(caller)
      await node.answers.forget(id)
      return { id }
    }
  })
]

/** Devices read answers over a protocol that only members and admins may open. */
function checkOrigin({ origin }: Caller): void {
  if (origin === 'peer') throw new LumosError('DENIED', 'Kept answers are not given to peers by this unit.')
}
