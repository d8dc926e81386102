/** Devices that sleep, and are woken over their local network. */

import * as z from 'zod'
import type { AbortOptions } from './lifecycle.ts'

/** A device that members may wake, as this node last heard of it. */
export const Wakeable = z.strictObject({
  peerId: z.string(),
  name: z.string(),
  /** Whether it is connected now, and so needs no waking. */
  connected: z.boolean(),
  /** When its last manifest came, in milliseconds since the Unix epoch. */
  seenAtMs: z.number(),
  /** How long it took until it was connected when it was woken last; null where this node has not woken it. */
  wakeMs: z.number().nullable(),
  /** Models that it offered. */
  models: z.array(z.string())
})
export type Wakeable = z.infer<typeof Wakeable>

export const Woken = z.strictObject({
  peerId: z.string(),
  name: z.string(),
  /** Until it was connected; 0 where it was connected already. */
  wakeMs: z.number()
})
export type Woken = z.infer<typeof Woken>

/** `node.wake` */
export interface Wake {
  list(): Wakeable[]
  /**
   * Wakes a device, by its name or PeerId, and waits until it is connected.
   *
   * @throws {LumosError} `PEER_NOT_FOUND` for a device that is no member, `NOT_SUPPORTED` for one that may not be woken or
   *   was not seen for too long, `NO_CAPACITY` while too many are being woken, and `PEER_UNREACHABLE` for one that does
   *   not come.
   */
  wake(peer: string, options?: AbortOptions): Promise<Woken>
}
