/** This node's own life. */

import * as z from 'zod'
import type { LumosNode } from '../interface/node.ts'
import { NodeStatus } from '../interface/status.ts'
import { defineUnit } from './define-unit.ts'

const Drained = z.strictObject({
  drained: z.boolean(),
  /** Requests that are answered here or wait for a slot, of this device and of others. */
  underWay: z.int()
})

const drained = ({ drained: isDrained, requests }: NodeStatus) => ({
  drained: isDrained,
  underWay: requests.running + requests.queued
})

export const nodeUnits = (node: Pick<LumosNode, 'status' | 'drain'>, stop: () => void) => [
  defineUnit({
    name: 'node.status',
    kind: 'query',
    permission: 'read',
    summary: 'How this node is doing: what it has under way, whether it serves others, its disk and memory.',
    input: z.strictObject({}),
    output: NodeStatus,
    run: async () => node.status()
  }),
  defineUnit({
    name: 'node.drain',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary:
      'Refuse requests of other devices until node.undrain, or until the node ends. Those under way go on to their end.',
    input: z.strictObject({}),
    output: Drained,
    async run() {
      node.drain()
      return drained(node.status())
    }
  }),
  defineUnit({
    name: 'node.undrain',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Take requests of other devices again.',
    input: z.strictObject({}),
    output: Drained,
    async run() {
      node.drain(false)
      return drained(node.status())
    }
  }),
  defineUnit({
    name: 'node.stop',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Stop this node. Requests under way are given time to end.',
    input: z.strictObject({}),
    output: z.strictObject({ stopping: z.literal(true) }),
    run: async () => {
      stop()
      return { stopping: true as const }
    }
  })
]
