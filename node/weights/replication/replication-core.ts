/**
 * Decides which copies of models this device makes. Each device computes the same plan from the same manifests and acts
 * for itself alone. Nothing here removes a copy.
 */

import { createHash } from 'node:crypto'
import { type Core, NO_EFFECTS } from '../../../interface/core.ts'
import type { Role } from '../../../interface/membership.ts'

/** How many copies of a repository the mesh is to have. */
export interface WantedCopies {
  readonly cid: string
  readonly name: string
  readonly bytes: number
  /** 0: any number will do. */
  readonly copies: number
  /** The owner of this device wants none here. */
  readonly isRefused: boolean
}

/** A member as its manifest shows it. */
export interface ReplicaDevice {
  readonly peerId: string
  readonly role: Role
  /** A manifest of it came lately. */
  readonly isPresent: boolean
  /** CIDs of what it has, or is fetching. */
  readonly holds: ReadonlySet<string>
  /** What it takes of copies; 0 for a device that takes none. */
  readonly roomBytes: number
}

export interface ReplicationTimes {
  /** Manifests of a mesh have reached each device by then. */
  readonly settleMs: number
  /** A device that is to fetch and does not begin is passed over then. */
  readonly patienceMs: number
  /** A fetch that failed is tried again, and a device that was passed over is named again. */
  readonly retryMs: number
  /** A holder that was away for so long is gone for good. */
  readonly graceMs: number
}

interface Copies {
  /** When each member that holds it was last seen with it. */
  readonly seen: Map<string, number>
  /** Since when a device is to fetch it. */
  readonly namedSince: Map<string, number>
  /** This device fetches, or has given it up until then. */
  busyUntilMs: number
}

export interface ReplicationState {
  /** PeerId of this device. */
  readonly self: string
  readonly times: ReplicationTimes
  /** By CID. */
  readonly copies: Map<string, Copies>
}

export type ReplicationEvent =
  /** Holders of an earlier run, and when they were seen. */
  | {
      readonly type: 'restored'
      readonly cid: string
      readonly seen: Iterable<readonly [peerId: string, seenMs: number]>
    }
  /** What there is now: all members, this device included. */
  | {
      readonly type: 'look'
      readonly wanted: readonly WantedCopies[]
      readonly devices: readonly ReplicaDevice[]
    }
  /** The fetch has ended without a copy. */
  | { readonly type: 'failed'; readonly cid: string }

export type ReplicationEffect =
  | { readonly type: 'fetch'; readonly wanted: WantedCopies }
  /** Look again then: time alone changes the plan. */
  | { readonly type: 'timer'; readonly delayMs: number }

export const newReplication = (self: string, times: ReplicationTimes): ReplicationState => ({
  self,
  times,
  copies: new Map()
})

export const stepReplication: Core<ReplicationState, ReplicationEvent, ReplicationEffect> = (
  state,
  event,
  nowMs
) => {
  if (event.type === 'look') return { state, effects: look(state, event, nowMs) }
  const copies = copiesOf(state, event.cid)
  if (event.type === 'restored') for (const [peerId, seenMs] of event.seen) copies.seen.set(peerId, seenMs)
  else copies.busyUntilMs = nowMs + state.times.retryMs
  return { state, effects: NO_EFFECTS }
}

function look(
  state: ReplicationState,
  { wanted, devices }: Extract<ReplicationEvent, { type: 'look' }>,
  nowMs: number
): ReplicationEffect[] {
  const cids = new Set(wanted.flatMap(({ cid, copies }) => (copies > 0 ? cid : [])))
  for (const cid of state.copies.keys()) if (!cids.has(cid)) state.copies.delete(cid)
  const effects: ReplicationEffect[] = []
  let wakeMs = Number.POSITIVE_INFINITY
  for (const one of wanted) {
    if (one.copies === 0) continue
    const plan = planOf(state, one, devices, nowMs)
    if (plan.fetches) effects.push({ type: 'fetch', wanted: one })
    wakeMs = Math.min(wakeMs, plan.wakeMs)
  }
  if (wakeMs < Number.POSITIVE_INFINITY) effects.push({ type: 'timer', delayMs: wakeMs - nowMs })
  return effects
}

function planOf(
  state: ReplicationState,
  wanted: WantedCopies,
  devices: readonly ReplicaDevice[],
  nowMs: number
): { readonly fetches: boolean; readonly wakeMs: number } {
  const { self, times } = state
  const copies = copiesOf(state, wanted.cid)
  countHolders(copies, wanted.cid, devices, times, nowMs)
  const { seen, namedSince } = copies
  for (const [peerId, sinceMs] of namedSince)
    if (seen.has(peerId) || nowMs - sinceMs >= times.patienceMs + times.retryMs) namedSince.delete(peerId)
  const isPassedOver = (peerId: string) => nowMs - (namedSince.get(peerId) ?? nowMs) >= times.patienceMs
  const ids = new Set(namedFor(wanted, devices, seen, isPassedOver))
  for (const peerId of namedSince.keys())
    if (!ids.has(peerId) && !isPassedOver(peerId)) namedSince.delete(peerId)
  for (const peerId of ids) if (!namedSince.has(peerId)) namedSince.set(peerId, nowMs)

  // What no device that is there has cannot be fetched.
  const hasSource = devices.some(({ peerId, isPresent }) => peerId !== self && isPresent && seen.has(peerId))
  const dueMs = Math.max((namedSince.get(self) ?? 0) + times.settleMs, copies.busyUntilMs)
  const fetches = ids.has(self) && !wanted.isRefused && hasSource && dueMs <= nowMs
  if (fetches) copies.busyUntilMs = nowMs + times.patienceMs
  const later = [
    ...(ids.has(self) ? [Math.max(dueMs, copies.busyUntilMs)] : []),
    ...[...namedSince.values()].map(sinceMs => sinceMs + times.patienceMs),
    ...[...namedSince.values()].map(sinceMs => sinceMs + times.patienceMs + times.retryMs),
    ...[...seen.values()].map(seenMs => seenMs + times.graceMs)
  ].filter(atMs => atMs > nowMs)
  return { fetches, wakeMs: Math.min(...later) }
}

/** A device that is away keeps its copy for a while; one that was removed from the mesh has none at once. */
function countHolders(
  { seen }: Copies,
  cid: string,
  devices: readonly ReplicaDevice[],
  { graceMs }: ReplicationTimes,
  nowMs: number
): void {
  const members = new Set(devices.map(({ peerId }) => peerId))
  for (const { peerId, isPresent, holds } of devices) {
    if (!isPresent) continue
    if (holds.has(cid)) seen.set(peerId, nowMs)
    else seen.delete(peerId)
  }
  for (const [peerId, seenMs] of seen)
    if (!members.has(peerId) || nowMs - seenMs >= graceMs) seen.delete(peerId)
}

/** The devices that are to fetch what is missing: those with most room, and edge boards last. */
function namedFor(
  { cid, bytes, copies: count }: WantedCopies,
  devices: readonly ReplicaDevice[],
  seen: ReadonlyMap<string, number>,
  isPassedOver: (peerId: string) => boolean
): string[] {
  const missing = count - seen.size
  if (missing <= 0) return []
  const able = devices.filter(
    ({ peerId, role, isPresent, roomBytes }) =>
      role !== 'guest' && isPresent && !seen.has(peerId) && roomBytes >= bytes && !isPassedOver(peerId)
  )
  return able
    .map(device => ({ peerId: device.peerId, rank: rankOf(device, cid) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .slice(0, missing)
    .map(({ peerId }) => peerId)
}

/** As text, so that it is compared at once. Room counts in powers of two: less of a difference is chance. */
function rankOf({ peerId, role, roomBytes }: ReplicaDevice, cid: string): string {
  const room = String(99 - Math.floor(Math.log2(Math.max(1, roomBytes)))).padStart(2, '0')
  const hash = createHash('sha256').update(`${cid} ${peerId}`).digest('hex')
  return `${role === 'edge' ? 1 : 0} ${room} ${hash}`
}

function copiesOf({ copies }: ReplicationState, cid: string): Copies {
  const known = copies.get(cid)
  if (known !== undefined) return known
  const fresh: Copies = { seen: new Map(), namedSince: new Map(), busyUntilMs: 0 }
  copies.set(cid, fresh)
  return fresh
}
