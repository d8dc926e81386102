/** Which devices may be given an item. */

import type { BatchState, Device, Item } from './batch-state.ts'
import { isUsable } from './pace.ts'

/** No device answers an item twice. One that failed is tried again only where there is no other. */
export function mayTry({ attempts, devices }: BatchState, item: Item, device: Device): boolean {
  const { peer } = device
  const has = (entry: { readonly peer: string }) => entry.peer === peer
  if (!isUsable(device) || item.answers.some(has)) return false
  for (const id of item.running) if (attempts.get(id)!.device === device) return false
  if (!item.failures.some(has)) return true
  const failed = new Set(item.failures.map(entry => entry.peer))
  return (
    item.answers.length === 0 && ![...devices.values()].some(one => isUsable(one) && !failed.has(one.peer))
  )
}
