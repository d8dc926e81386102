/** How a node is doing, as it says itself. */

import * as z from 'zod'
import { Hardware } from './manifest.ts'

/** Why a node yields: other programs use its processors, or wait for memory; or its battery is low. */
export const YieldReason = z.enum(['cpu', 'memory', 'battery'])
export type YieldReason = z.infer<typeof YieldReason>

export const NodeStatus = z.strictObject({
  peerId: z.string(),
  name: z.string(),
  version: z.string(),
  /** What the mesh is called, and its id. */
  mesh: z.string(),
  meshId: z.string(),
  uptimeS: z.number(),
  addresses: z.array(z.string()),
  /** Number of connected peers whose manifest is known. */
  peers: z.int(),
  /** Open connections, and the streams over all of them. */
  connections: z.int(),
  streams: z.int(),
  requests: z.strictObject({
    /** Asked by programs of this node and not ended. */
    own: z.int(),
    /** Answered by this node's engines now, of programs and of other devices. */
    running: z.int(),
    /** Waiting for a slot of an engine. */
    queued: z.int()
  }),
  /** Why requests of other devices are refused for the sake of its user; empty while they are not. */
  yielding: z.array(YieldReason),
  /** Whether requests of other devices are refused because it was told so. */
  drained: z.boolean(),
  /** Whether the disk takes what is to be stored. The node goes on meanwhile. */
  storage: z.enum(['ok', 'full', 'failing']),
  /** Resident memory of this process and its engines. */
  memoryBytes: z.int(),
  hardware: Hardware
})
export type NodeStatus = z.infer<typeof NodeStatus>
