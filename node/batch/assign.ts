/** Gives items to devices that have room. */

import type { Attempt, BatchEffect, BatchState, Device, Item } from './batch-state.ts'
import { mayTry } from './may-try.ts'
import { hasRoom, isLate, leftMs } from './pace.ts'
import { wantsMore } from './window.ts'

/** Attempts at one item at once: its holder, and the device that takes it over. */
const COPIES_MAX = 2
/** What a device that was not measured is expected to take: it takes over nothing that is nearly done. */
const UNMEASURED_MS = 1000

export function assign(state: BatchState, effects: BatchEffect[]): void {
  const { nowMs } = state
  const free = [...state.devices.values()].filter(device => hasRoom(device, nowMs))
  // The fastest first: what is next to be written should come first.
  free.sort((a, b) => (a.latencyMs ?? UNMEASURED_MS) - (b.latencyMs ?? UNMEASURED_MS))
  // One item in each round, so that the fastest does not take all that were read.
  for (let given = true; given; ) {
    given = false
    for (const device of free) {
      if (!hasRoom(device, nowMs)) continue
      const item = itemFor(state, device)
      if (item === undefined) continue
      give(state, item, device, effects)
      given = true
    }
  }
}

function itemFor(state: BatchState, device: Device): Item | undefined {
  for (const item of state.again) if (mayTry(state, item, device)) return item
  // Where nothing is new, the end is near, or the window is full because one item is late.
  const isIdle = state.fresh.size === 0 && !state.reading && !wantsMore(state)
  const [fresh] = state.fresh
  return takenOver(state, device, isIdle) ?? fresh
}

/** What another device holds, and this one would answer sooner; the one that takes longest. */
function takenOver(state: BatchState, device: Device, isIdle: boolean): Item | undefined {
  const ownMs = device.latencyMs ?? UNMEASURED_MS
  let longest: { readonly item: Item; readonly ms: number } | undefined
  for (const { item, device: holder, startedMs } of state.attempts.values()) {
    const elapsedMs = state.nowMs - startedMs
    if (!isIdle && !isLate(holder, elapsedMs)) continue
    const ms = leftMs(holder, elapsedMs)
    if (ms <= Math.max(ownMs, longest?.ms ?? 0)) continue
    if (item.running.size < COPIES_MAX && mayTry(state, item, device)) longest = { item, ms }
  }
  return longest?.item
}

function give(state: BatchState, item: Item, device: Device, effects: BatchEffect[]): void {
  const id = ++state.lastAttempt
  const attempt: Attempt = { id, item, device, startedMs: state.nowMs }
  state.attempts.set(id, attempt)
  state.fresh.delete(item)
  state.again.delete(item)
  item.running.add(id)
  device.running++
  effects.push({ type: 'ask', attempt: id, index: item.index, peer: device.peer })
}
