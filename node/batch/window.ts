/** How much of a batch is in memory at once. */

import type { BatchState } from './batch-state.ts'
import { isUsable } from './pace.ts'

/** Items between the next one to be written and the last one that was read. A slow device may hold the first of them. */
export const WINDOW_ITEMS = 2048
/** Inputs that are not answered yet, and answers that are not written yet. The last one of them may go beyond it. */
export const WINDOW_BYTES = 64 * 1024 * 1024
/** Items that are read ahead of the devices. */
const AHEAD = 8

export function wantsMore({ reading, next, total, bytes, items, fresh, devices }: BatchState): boolean {
  if (reading || next === total || bytes >= WINDOW_BYTES || items.size >= WINDOW_ITEMS) return false
  let room = AHEAD
  for (const device of devices.values()) if (isUsable(device)) room += Math.floor(device.depth)
  return fresh.size < room
}
