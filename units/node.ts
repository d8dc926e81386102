/** This node's own life. */

import * as z from 'zod'
import { defineUnit } from './define-unit.ts'

export const nodeUnits = (stop: () => void) => [
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
