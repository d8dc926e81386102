/** The requests of this node's programs, those under way and the last ones. */

import * as z from 'zod'
import type { LumosNode } from '../../interface/node.ts'
import { RequestSummary } from '../../interface/routing.ts'
import { defineUnit } from '../define-unit.ts'

/** As many as a node keeps. */
const ITEMS_MAX = 1000
const ITEMS = 100

const Wanted = z.strictObject({
  state: z.enum(['running', 'answered', 'failed']).optional(),
  model: z.string().max(128).optional(),
  limit: z.int().min(1).max(ITEMS_MAX).default(ITEMS),
  offset: z.int().min(0).default(0)
})

const stateOf = ({ outcome }: RequestSummary): NonNullable<z.infer<typeof Wanted>['state']> =>
  outcome === null ? 'running' : outcome === 'answered' ? 'answered' : 'failed'

export const requestUnits = (node: Pick<LumosNode, 'requests'>) => [
  defineUnit({
    name: 'inference.requests',
    kind: 'query',
    permission: 'read',
    summary: 'The last thousand requests of this node, the newest first; inference.explain has more of each.',
    input: Wanted,
    examples: [{ input: { state: 'running', limit: 20 } }],
    output: z.strictObject({ items: z.array(RequestSummary), total: z.int() }),
    async run({ state, model, limit, offset }) {
      const items = node
        .requests()
        .filter(
          one =>
            (state === undefined || stateOf(one) === state) && (model === undefined || one.model === model)
        )
      return { items: items.slice(offset, offset + limit), total: items.length }
    }
  })
]
