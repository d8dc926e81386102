/**
 * How a policy orders candidates: which differences count before the expected time, and which of those that are about as
 * good goes first.
 */

import type { RoutingPolicy } from '../../interface/routing.ts'
import type { Asking } from './asking.ts'
import { costsOf, type Ranked, type RankedCandidate, yieldsToUser } from './rank.ts'

/** Two figures that differ by less are about equal: measurements vary by more. */
const NEAR_SHARE = 1.2
const NEAR_MS = 5
/** Cheap and green devices are taken although they are slower, up to this: a person waits so long and no longer. */
const SLOWER_SHARE = 5
const SLOWER_MS = 2000
/** So many requests go first to a peer that was not measured lately. Else one that was slow once stays unused. */
const EXPLORED_SHARE = 1 / 32
/** An unmeasured peer may be worse than the best by this in what it states itself. */
const EXPLORED_SHARE_MAX = 10

interface View {
  readonly nowMs: number
  /** Slower than this, by the fastest in the mesh, is no choice of a policy that looks at more than time. */
  readonly limitMs: number
  /** What a token takes on the device in the middle of those that say it; 1 where none does. */
  readonly usualJoules: number
}

/** Figures of which the smaller is better, and the first that differ decide; the expected time decides after them. */
type Preference = (ranked: Ranked, view: View) => readonly number[]

/** What is sent there, or comes from there, is seen outside the mesh. */
export const leavesMesh = ({ capability }: Pick<RankedCandidate, 'capability'>): boolean =>
  capability.leavesMesh === true

const isFarther = ({ candidate }: Ranked) => Number(!candidate.local)
const isBusy = ({ candidate }: Ranked, { nowMs }: View) =>
  Number(candidate.record.busyUntilMs > nowMs || yieldsToUser(candidate))
const isSlow = ({ costMs }: Ranked, { limitMs }: View) => Number(costMs > limitMs)
const isOutside = ({ candidate }: Ranked) => Number(leavesMesh(candidate))
/** It takes power where a device that is up takes none more. */
const isAsleep = ({ candidate: { wakeMs } }: Ranked) => Number(wakeMs !== undefined)
const isOnBattery = ({ candidate: { device } }: Ranked) => Number(device?.onBattery ?? false)
const mustLoad = ({ candidate: { capability } }: Ranked) => Number(!capability.warm)
/** Figures that differ by less are about equal; a device that states none is taken for the one in the middle of those that do. */
const energyOf = ({ candidate: { capability } }: Ranked, { usualJoules }: View) =>
  Math.round(Math.log(capability.joulesPerToken ?? usualJoules) / Math.log(NEAR_SHARE))
const tierOf = ({ candidate: { device } }: Ranked) => device?.tier ?? 1

const prefer =
  (...figures: readonly ((ranked: Ranked, view: View) => number)[]): Preference =>
  (ranked, view) =>
    figures.map(figure => figure(ranked, view))

const PREFERENCES: Readonly<Record<RoutingPolicy, Preference>> = {
  balanced: prefer(),
  fastest: prefer(),
  'local-first': prefer(isBusy, isFarther),
  cheapest: prefer(isOutside, isBusy, isAsleep, isSlow, tierOf),
  greenest: prefer(isBusy, isAsleep, isSlow, isOnBattery, mustLoad, energyOf, tierOf)
}

/** Which peer to ask first: all that may be asked, in the order of the policy, best first. */
export function rank(candidates: readonly RankedCandidate[], asking: Asking, nowMs: number): Ranked[] {
  const fast = costsOf(candidates, asking, nowMs).sort(byTime)
  const best = fast.find(({ candidate }) => !leavesMesh(candidate)) ?? fast[0]
  if (best === undefined) return fast
  const limitMs = best.costMs * SLOWER_SHARE + SLOWER_MS
  const view = { nowMs, limitMs, usualJoules: usualJoules(fast) }
  const keyed = fast.map(one => ({ one, key: PREFERENCES[asking.policy](one, view) }))
  const ordered = keyed.sort((a, b) => compare(a.key, b.key)).map(({ one }) => one)
  if (asking.policy === 'balanced') {
    shared(ordered, asking.chance)
    explored(ordered, asking.chance, nowMs)
  }
  return ordered
}

function usualJoules(ranked: readonly Ranked[]): number {
  const stated = ranked.flatMap(({ candidate: { capability } }) => capability.joulesPerToken ?? [])
  return stated.sort((a, b) => a - b)[stated.length >> 1] ?? 1
}

const byTime = (a: Ranked, b: Ranked): number =>
  a.costMs - b.costMs || (a.candidate.peerId < b.candidate.peerId ? -1 : 1)

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i])
  return at < 0 ? 0 : a[at]! - b[at]!
}

/**
 * Of those that are about as good as the best, two are drawn, and the better of them goes first: devices that ask
 * alike do not all ask the same one. This device itself has nothing to share while it is idle.
 */
function shared(ordered: Ranked[], chance: number): void {
  const best = ordered[0]!
  if (best.candidate.local && best.candidate.record.inFlight === 0) return
  const near = ordered.filter(({ costMs }) => costMs <= best.costMs * NEAR_SHARE + NEAR_MS).length
  if (near < 2) return
  const place = chance * near
  const first = Math.floor(place)
  const second = (first + 1 + Math.floor((place - first) * (near - 1))) % near
  const drawn = better(ordered, first, second)
  ordered.unshift(...ordered.splice(drawn, 1))
}

const loadOf = ({ candidate: { record, capability } }: Ranked) => record.inFlight / capability.slots

/** Of two places in the order: that of the device with fewer of our requests, then the smaller device, so that the larger stays free. */
function better(ordered: readonly Ranked[], a: number, b: number): number {
  const [one, other] = [ordered[a]!, ordered[b]!]
  const differs = [loadOf, isOnBattery, tierOf]
    .map(figure => figure(one) - figure(other))
    .find(by => by !== 0)
  if (differs === undefined) return Math.min(a, b)
  return differs < 0 ? a : b
}

/** Now and then a peer that was not measured lately goes first: what it can do is known only then. */
function explored(ordered: Ranked[], chance: number, nowMs: number): void {
  if (chance < 1 - EXPLORED_SHARE) return
  const limitMs = ordered[0]!.costMs * EXPLORED_SHARE_MAX + SLOWER_MS
  const at = ordered.findIndex(
    ({ candidate, costMs }) =>
      candidate.record.firstChunkMs === undefined &&
      candidate.connected &&
      !yieldsToUser(candidate) &&
      !leavesMesh(candidate) &&
      costMs <= limitMs &&
      candidate.record.busyUntilMs <= nowMs
  )
  if (at > 0) ordered.unshift(...ordered.splice(at, 1))
}
