/** Memory of this device: what models may take, what they take, and slots that keep some free of them. */

import * as z from 'zod'
import { LumosError } from '../interface/errors.ts'
import type { LumosNode } from '../interface/node.ts'
import {
  Allocation,
  NewSlot,
  Priority,
  ResourceBudget,
  ResourceStatus,
  SlotId,
  SlotUpdate
} from '../interface/resources.ts'
import { defineUnit } from './define-unit.ts'

const SLOT = '3k9q0zt1ab'
const GIB = 2 ** 30

const Success = z.strictObject({ success: z.literal(true) })
const Slots = z.strictObject({ allocations: z.array(Allocation) })
const Allocated = z.strictObject({ slotId: z.string(), expiresAtMs: z.int() })

export const resourceUnits = (node: Pick<LumosNode, 'resource'>) => [
  defineUnit({
    name: 'resource.allocate',
    kind: 'command',
    permission: 'manage',
    summary:
      'Keep memory free of models for another program, for an hour unless said: idle models are unloaded for it, and none is loaded into it.',
    input: NewSlot.extend({
      /** Refused: a node divides no accelerator. */
      gpuFraction: z.number().min(0).max(1).optional()
    }),
    examples: [
      {
        input: { name: 'training', type: 'program', memory_bytes: 4 * GIB, duration_s: 7200 },
        output: { slot_id: SLOT, expires_at_ms: 1_790_000_000_000 }
      }
    ],
    output: Allocated,
    async run({ gpuFraction = 0, ...slot }, { signal }) {
      if (gpuFraction > 0)
        throw new LumosError(
          'NOT_SUPPORTED',
          'A node divides no accelerator: a slot is memory of the machine.',
          {
            hint: 'Leave gpu_fraction out.'
          }
        )
      const { slotId, expiresAtMs } = await node.resource.allocate(slot, { signal })
      return { slotId: slotId!, expiresAtMs: expiresAtMs! }
    }
  }),
  defineUnit({
    name: 'resource.release',
    kind: 'command',
    permission: 'manage',
    summary: 'Give the memory of a slot back to models.',
    input: z.strictObject({ slotId: SlotId }),
    examples: [{ input: { slot_id: SLOT }, output: { success: true } }],
    output: Success,
    async run({ slotId }) {
      node.resource.release(slotId)
      return { success: true as const }
    }
  }),
  defineUnit({
    name: 'resource.update_slot',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Give a slot another size, or more time from now on.',
    input: z.strictObject({ slotId: SlotId, ...SlotUpdate.shape }),
    examples: [{ input: { slot_id: SLOT, memory_limit: 2 * GIB }, output: { success: true } }],
    output: Success,
    async run({ slotId, ...change }) {
      node.resource.update(slotId, change)
      return { success: true as const }
    }
  }),
  defineUnit({
    name: 'resource.status',
    kind: 'query',
    permission: 'read',
    summary:
      'Memory and disk of this device, slots and loaded models, and how much of the memory none gives up.',
    input: z.strictObject({}),
    output: ResourceStatus,
    run: () => node.resource.status()
  }),
  defineUnit({
    name: 'resource.budget',
    kind: 'query',
    permission: 'read',
    summary: 'What models may take of the memory, and what they and slots take.',
    input: z.strictObject({}),
    output: ResourceBudget,
    run: async () => node.resource.budget()
  }),
  defineUnit({
    name: 'resource.allocations',
    kind: 'query',
    permission: 'read',
    summary: 'Slots and loaded models, each with its memory.',
    input: z.strictObject({ slotId: SlotId.optional(), type: z.string().max(64).optional() }),
    examples: [{ input: { type: 'model' } }],
    output: Slots,
    run: async ({ slotId, type }) => ({
      allocations: node.resource
        .allocations()
        .filter(
          one => (slotId === undefined || one.slotId === slotId) && (type === undefined || one.type === type)
        )
    })
  }),
  defineUnit({
    name: 'resource.can_allocate',
    kind: 'query',
    permission: 'read',
    summary: 'Whether a slot of this size would be allocated now.',
    input: z.strictObject({ memoryBytes: NewSlot.shape.memoryBytes, priority: Priority }),
    examples: [{ input: { memory_bytes: GIB }, output: { can_allocate: true } }],
    output: z.strictObject({ canAllocate: z.boolean(), reason: z.string().optional() }),
    run: async ({ memoryBytes, priority }) => node.resource.canAllocate(memoryBytes, priority)
  })
]
