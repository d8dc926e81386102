/**
 * Keys of charters that lost to another one of their version. What was written under such a key before its writer learnt
 * of that stays written: a device that has some of it, and may write, hands the key to the readers in its next envelope.
 * A box names its key by a hash, so no device can hand out another one.
 */

import { openCheckpoint } from '../../../protocols/memory/checkpoint.ts'
import type { Parts } from './parts.ts'
import type { Space } from './space.ts'

/** In one envelope. */
export const KEYS_OF_BATCH_MAX = 8
/** Of one device: each takes two owners that make a new key at once. */
const KEYS_OF_DEVICE_MAX = 64

/** Of keys that have just lost, those under which the end of a chain here was written, or the checkpoint. */
export function keepLost({ log }: Pick<Parts, 'log'>, space: Space, dropped: readonly Uint8Array[]): void {
  if (dropped.length === 0) return
  const boxes = [...space.writers.values()].map(({ id, head }) => log.get(id, head.seq)?.box)
  const record = log.checkpoint(space.row)
  if (record !== undefined) boxes.push(openCheckpoint(record).checkpoint.sealed)
  const used = dropped.filter(key => boxes.some(box => box != null && space.keyring.isUnder(box, key)))
  if (used.length === 0) return
  space.lost = [...space.lost, ...used.map(key => ({ key, by: null }))]
  space.keepLocal(space.keyring.newest(space.charter.charter) ?? null)
}

/** @returns whether one is new: what waits may open now. */
export function learnKeys(space: Space, by: string, keys: readonly Uint8Array[]): boolean {
  const before = space.lost.length
  for (const key of keys) {
    if (space.lost.filter(one => one.by === by).length >= KEYS_OF_DEVICE_MAX) break
    if (space.lost.some(one => Buffer.compare(one.key, key) === 0)) continue
    space.keyring.learn(key)
    space.lost = [...space.lost, { key, by }]
  }
  if (space.lost.length > before) space.keepLocal(space.keyring.newest(space.charter.charter) ?? null)
  return space.lost.length > before
}

export const isLost = (space: Space, box: Uint8Array): boolean =>
  space.lost.some(({ key }) => space.keyring.isUnder(box, key))

/** This device has handed them on. */
export function handedOver(space: Space, by: string, keys: readonly Uint8Array[]): void {
  space.lost = space.lost.map(one => (keys.includes(one.key) ? { ...one, by } : one))
  space.keepLocal(space.keyring.newest(space.charter.charter) ?? null)
}
