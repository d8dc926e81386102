/** Memory of a device: what models may take of it, what they take, and what is kept free of them for a while. */

import * as z from 'zod'
import type { AbortOptions } from './lifecycle.ts'

/** More than any machine has; bounds sums too. */
const MEMORY_BYTES_MAX = 2 ** 48
/** Long enough for a training over a weekend. What is forgotten is free again then. */
const SLOT_SECONDS_MAX = 72 * 3600
const SLOT_SECONDS_DEFAULT = 3600
/** More programs than share one machine with its models. */
export const RESERVATIONS_MAX = 64
const PRIORITY_MAX = 9
const PRIORITY_DEFAULT = 5
/** Models in use, pinned models and slots together: from here on a request for a cold model is likely refused. */
export const PRESSURE_WARNING = 0.9

export const SlotId = z
  .string()
  .max(32)
  .regex(/^[0-9a-z]+$/, 'as resource.allocate has given it')

const MemoryBytes = z.int().min(1).max(MEMORY_BYTES_MAX)
const Seconds = z.int().min(1).max(SLOT_SECONDS_MAX)
/** A slot of a higher one may take the memory of slots of lower ones. */
export const Priority = z.int().min(0).max(PRIORITY_MAX).default(PRIORITY_DEFAULT)

/** Memory that models leave free. The node measures no other program: it only keeps its own models out. */
export const NewSlot = z.strictObject({
  /** For people. */
  name: z.string().min(1).max(128),
  type: z.string().min(1).max(64),
  memoryBytes: MemoryBytes,
  priority: Priority,
  durationS: Seconds.default(SLOT_SECONDS_DEFAULT)
})
export type NewSlot = z.infer<typeof NewSlot>

export const SlotUpdate = z.strictObject({
  memoryLimit: MemoryBytes.optional(),
  /** From now on. */
  durationS: Seconds.optional()
})
export type SlotUpdate = z.infer<typeof SlotUpdate>

/** A slot, or a model that is loaded. */
export const Allocation = z.strictObject({
  /** Null for a model. */
  slotId: z.string().nullable(),
  name: z.string(),
  /** `model`, or what the slot was allocated for. */
  type: z.string(),
  memoryBytes: z.int(),
  /** Null for a model. */
  priority: z.int().nullable(),
  /** `idle`: a model that is unloaded where its memory is wanted. */
  status: z.enum(['in_use', 'idle']),
  /** Wall time; null for a model. */
  expiresAtMs: z.int().nullable()
})
export type Allocation = z.infer<typeof Allocation>

export const ResourceBudget = z.strictObject({
  /** Bytes of the machine, or of what this process may use. */
  total: z.int(),
  /** What models leave to the system and to other programs by the setting `models.memoryMax`. */
  reserved: z.int(),
  pools: z.strictObject({
    /** `limit` less the slots is what models have. */
    models: z.strictObject({ limit: z.int(), used: z.int() }),
    slots: z.strictObject({ used: z.int() })
  })
})
export type ResourceBudget = z.infer<typeof ResourceBudget>

export const ResourceStatus = z.strictObject({
  memory: z.strictObject({
    total: z.int(),
    /** By all programs of the machine. */
    used: z.int(),
    /** What models may take, and what they and slots take now. */
    budget: z.int(),
    allocated: z.int()
  }),
  /** Of the disk with the home of the node. */
  storage: z.strictObject({ total: z.int(), free: z.int() }),
  slots: z.array(Allocation),
  /** Requests of each model that is loaded: how many it answers at once, how many it does, and how many wait. */
  models: z.array(z.strictObject({ modelId: z.string(), slots: z.int(), running: z.int(), queued: z.int() })),
  /** Part of the budget that no model gives up now: slots, models in use and pinned ones. */
  pressure: z.number().min(0)
})
export type ResourceStatus = z.infer<typeof ResourceStatus>

export interface LumosResources {
  /**
   * Keeps this much memory free of models until it is released or its time is over. Idle models are unloaded for it,
   * and slots of lower priority released. It ends with the node.
   *
   * @throws {LumosError} `NO_CAPACITY` where models in use, pinned models and other slots leave too little.
   */
  allocate(slot: NewSlot, options?: AbortOptions): Promise<Allocation>
  /** @throws {LumosError} `INVALID_INPUT` for a slot that is not there, or not any more; as does `update`. */
  release(slotId: string): void
  /** @throws {LumosError} `NO_CAPACITY`; the slot stays as it was. */
  update(slotId: string, change: SlotUpdate): Allocation
  /** Slots and loaded models. */
  allocations(): Allocation[]
  canAllocate(memoryBytes: number, priority: number): { canAllocate: boolean; reason?: string }
  budget(): ResourceBudget
  status(): Promise<ResourceStatus>
}

const Slot = z.strictObject({ slotId: z.string() })
export const RESOURCE_EVENTS = {
  'resource.allocated': Slot.extend({ memory: z.int() }),
  /** `expired`: its time is over. */
  'resource.released': Slot.extend({ reason: z.enum(['released', 'expired', 'preempted']) }),
  /** Its memory went to a slot of a higher priority. */
  'resource.preemption': Slot.extend({ reason: z.string() }),
  /** The part of the budget that no model gives up has come to the threshold. */
  'resource.pressure_warning': z.strictObject({ pressure: z.number(), threshold: z.number() })
}
