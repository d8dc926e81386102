/**
 * Which of the devices that download one file asks the origin for it. No device says so to another: each decides by the same
 * order from what the others state, so that two that claim at once come to one as soon as they hear of each other.
 */

import { type Core, NO_EFFECTS } from '../../../interface/core.ts'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import type { Stated } from '../../../protocols/blocks/index.ts'

/** A device that has stated nothing for so long is gone, and a claim that has brought no leaf for so long is over. */
export const NEWS_MS = 30_000
/** A claim that was over may have been slow only: the next one is waited for twice as long, up to this. */
const PATIENCE_MS_MAX = 5 * 60_000
/** A device before this one in the order that does not claim in this time is passed over. */
export const TURN_MS = 5000
/** A device whose own origin fails waits so long for another one to claim. */
export const UNABLE_MS = 60_000
/** A claim that brings less than this share of what this device's own link has brought is over. */
const SLOW_SHARE = 0.25
/** A device that was followed so often claims, withdraws and claims again, and brings no file. */
const LED_MAX = 8
/** Devices whose words are kept: as many as there are connections. */
const RIVALS_MAX = 128

interface Rival extends Stated {
  readonly heardMs: number
}

export interface ClaimState {
  readonly peerId: string
  /** As this device states it; -1 for a guest, whose claim is for itself alone. */
  readonly strength: number
  stage: 'asks' | 'claims' | 'follows'
  /** Whether the own origin sends the file, as far as is known. */
  able: boolean
  readonly rivals: Map<string, Rival>
  /** What these state of this file counts no more. */
  readonly shut: Set<string>
  leader: string | undefined
  /** How often each device was followed. No leaf that it brings resets it. */
  readonly led: Map<string, number>
  /** Since when it has been that leader, or none. */
  sinceMs: number
  /** When the last leaf came. */
  leafMs: number
  /** What came of it in this window of `NEWS_MS`. */
  window: { readonly sinceMs: number; bytes: number }
  patienceMs: number
}

export type ClaimEvent =
  /** What a device states in a question or an answer. */
  | { readonly type: 'heard'; readonly peerId: string; readonly stated: Stated }
  /** It is not connected. With `askedMs`: it did not download the file when it was asked then, and may have begun since. */
  | { readonly type: 'gone'; readonly peerId: string; readonly askedMs?: number | undefined }
  /** All devices were asked, or had their time. */
  | { readonly type: 'asked' }
  | { readonly type: 'leaf'; readonly bytes: number }
  /** The own origin does not send it. */
  | { readonly type: 'failed' }
  /** This device has listed what was wrong. */
  | { readonly type: 'shut'; readonly peerId: string }
  | { readonly type: 'timer' }

export type ClaimEffect =
  /** Download from the origin. */
  | { readonly type: 'claim' }
  /** Do not, or no more. */
  | { readonly type: 'follow'; readonly peerId: string }
  /** The claim of this device has brought nothing in its time. */
  | { readonly type: 'late'; readonly peerId: string }
  /** No device is left that could claim. */
  | { readonly type: 'fail' }

export const newClaim = (peerId: string, strength: number, nowMs: number): ClaimState => ({
  ...{ peerId, strength, stage: 'asks', able: true, leader: undefined },
  ...{ rivals: new Map(), shut: new Set(), led: new Map() },
  ...{ sinceMs: nowMs, leafMs: nowMs, window: { sinceMs: nowMs, bytes: 0 }, patienceMs: NEWS_MS }
})

export const claimCore: Core<ClaimState, ClaimEvent, ClaimEffect> = (state, event, nowMs) => {
  switch (event.type) {
    case 'heard':
      hear(state, event.peerId, event.stated, nowMs)
      break
    case 'gone': {
      const { peerId, askedMs = Number.POSITIVE_INFINITY } = event
      if ((state.rivals.get(peerId)?.heardMs ?? 0) < askedMs) state.rivals.delete(peerId)
      break
    }
    case 'shut':
      state.shut.add(event.peerId)
      break
    case 'leaf':
      state.leafMs = nowMs
      state.window.bytes += event.bytes
      return { state, effects: NO_EFFECTS }
    case 'failed':
      state.able = false
      if (state.stage === 'claims') lead(state, undefined, nowMs)
      break
    case 'asked':
      if (state.stage === 'asks') lead(state, undefined, nowMs)
      break
  }
  return { state, effects: state.stage === 'asks' ? NO_EFFECTS : decided(state, nowMs) }
}

function hear(state: ClaimState, peerId: string, stated: Stated, nowMs: number): void {
  if (peerId === state.peerId) return
  if (!state.rivals.has(peerId) && state.rivals.size >= RIVALS_MAX) return
  state.rivals.set(peerId, { ...stated, heardMs: nowMs })
}

/** From now on it follows this device, or waits for one. */
function lead(state: ClaimState, leader: string | undefined, nowMs: number): void {
  Object.assign(state, { stage: 'follows', leader, sinceMs: nowMs, leafMs: nowMs })
  state.window = { sinceMs: nowMs, bytes: 0 }
}

/** Each claim of a device that is followed begins its time anew, so their number is bounded. */
function mayLead({ led }: ClaimState, peerId: string): boolean {
  const times = (led.get(peerId) ?? 0) + 1
  led.set(peerId, times)
  return times <= LED_MAX
}

function decided(state: ClaimState, nowMs: number): ClaimEffect[] {
  const fresh = [...state.rivals].filter(
    ([id, { able, heardMs }]) => able && !state.shut.has(id) && nowMs - heardMs < NEWS_MS
  )
  const claiming = fresh.filter(([, { stage }]) => stage === 'claims' || stage === 'has')
  const best = first(claiming)
  if (state.stage === 'claims') {
    if (best === undefined || !isBefore(best[0], best[1], own(state))) return []
    if (!mayLead(state, best[0])) {
      state.shut.add(best[0])
      return decided(state, nowMs)
    }
    lead(state, best[0], nowMs)
    return [{ type: 'follow', peerId: best[0] }]
  }
  if (best === undefined) return leaderless(state, fresh, nowMs)
  const [peerId] = best
  if (peerId !== state.leader) {
    if (mayLead(state, peerId)) {
      lead(state, peerId, nowMs)
      return [{ type: 'follow', peerId }]
    }
    state.shut.add(peerId)
    return decided(state, nowMs)
  }
  if (!isLate(state, nowMs)) return []
  state.shut.add(peerId)
  state.patienceMs = Math.min(PATIENCE_MS_MAX, state.patienceMs * 2)
  return [{ type: 'late', peerId }, ...decided(state, nowMs)]
}

/** The first in the order claims; each of the others when those before it have let their time pass. */
function leaderless(
  state: ClaimState,
  fresh: readonly (readonly [string, Stated])[],
  nowMs: number
): ClaimEffect[] {
  if (state.leader !== undefined) lead(state, undefined, nowMs)
  const waitedMs = nowMs - state.sinceMs
  if (!state.able) return fresh.length === 0 || waitedMs >= UNABLE_MS ? [{ type: 'fail' }] : []
  const before = fresh.filter(([id, stated]) => isBefore(id, stated, own(state))).length
  if (waitedMs < before * TURN_MS) return []
  state.stage = 'claims'
  return [{ type: 'claim' }]
}

function isLate(state: ClaimState, nowMs: number): boolean {
  if (nowMs - state.leafMs >= state.patienceMs) return true
  const { sinceMs, bytes } = state.window
  const windowMs = nowMs - sinceMs
  if (windowMs < NEWS_MS) return false
  state.window = { sinceMs: nowMs, bytes: 0 }
  const ownRate = state.strength > 0 ? 2 ** state.strength / 1000 : 0
  // A leaf or two are no measure.
  return bytes + 2 * LEAF_BYTES < ownRate * windowMs * SLOW_SHARE
}

type Ranked = Pick<Stated, 'stage' | 'strength'>
const own = ({ stage, strength, peerId }: ClaimState): [string, Ranked] => [peerId, { stage, strength }]

function isBefore(id: string, a: Ranked, [otherId, b]: readonly [string, Ranked]): boolean {
  const has = Number(b.stage === 'has') - Number(a.stage === 'has')
  if (has !== 0) return has < 0
  return a.strength === b.strength ? id < otherId : a.strength > b.strength
}

const first = <T extends Ranked>(
  rivals: readonly (readonly [string, T])[]
): readonly [string, T] | undefined =>
  rivals.reduce<readonly [string, T] | undefined>(
    (best, one) => (best === undefined || isBefore(one[0], one[1], best) ? one : best),
    undefined
  )
