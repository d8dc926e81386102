/** When manifests are announced, when they are pulled, and from which peers: the rounds of pulls are a deterministic core. */

import type { Random } from '../../interface/clock.ts'
import { NO_EFFECTS, type Stepped } from '../../interface/core.ts'
import { MANIFEST_TTL_MS_MAX } from '../../interface/manifest.ts'
import { sample } from '../../interface/sample.ts'

/** A silent peer is believed this long: long enough that two lost announcements do no harm. */
const MANIFEST_TTL_MS = 180_000
/**
 * In a larger mesh the life of a manifest grows with it, so that what each node has to
 * hear in a minute does not: everyone hears everyone.
 */
const MEMBERS_AT_THIS_TTL = 100
/** Announced three times within its life, at times of its own, so that peers do not all speak at once. */
const ANNOUNCEMENTS_PER_TTL = 3
const ANNOUNCE_JITTER = 0.2

export const manifestTtlMs = (members: number): number =>
  Math.min(Math.round(MANIFEST_TTL_MS * Math.max(1, members / MEMBERS_AT_THIS_TTL)), MANIFEST_TTL_MS_MAX)

export const announceAfterMs = (ttlMs: number, random: Random): number =>
  (ttlMs / ANNOUNCEMENTS_PER_TTL) * (1 + ANNOUNCE_JITTER * (random() - 0.5))

/** How often the core below is told that time has passed. */
export const PULL_TICK_MS = 1000
/** A round at least every minute. */
const PULL_TICKS_MAX = 60
/**
 * While something may be missing, the next round is a second away, and each one after it waits this much longer: gossip
 * needs some round trips on a new connection, on a busy machine seconds, and loses what is said before it is up.
 */
const PULL_BACKOFF = 3
/** Peers asked when something may be missing: with eight, what one of them misses another has. */
const PULL_PEERS_WHEN_DUE = 8
/** Peers asked when nothing says so. What all three miss is asked of others a minute later. */
const PULL_PEERS = 3
/**
 * A manifest this old should have come by gossip: that it had to be pulled says
 * that gossip is not up yet here, or lost something. A younger one may have been
 * on its way; in a large mesh there always is one.
 */
const GOSSIP_LATE_MS = 2000

export interface PullState {
  /** Since the last round. */
  ticks: number
  /** From the last round to the next one. */
  waitTicks: number
}

export type PullEvent<Peer> =
  /** `PULL_TICK_MS` have passed, and these members are connected. */
  | { readonly type: 'tick'; readonly peers: readonly Peer[] }
  /** A peer said hello. */
  | { readonly type: 'met' }
  /** A pull brought a newer manifest. */
  | { readonly type: 'pulled'; readonly ageMs: number }

export interface PullEffect<Peer> {
  readonly type: 'pull'
  readonly peer: Peer
}

export const newPulls = (): PullState => ({ ticks: 0, waitTicks: PULL_TICKS_MAX })

/** Changes `state` in place. */
export function stepPulls<Peer>(
  state: PullState,
  event: PullEvent<Peer>,
  _nowMs: number,
  random: Random
): Stepped<PullState, PullEffect<Peer>> {
  if (event.type === 'met' || (event.type === 'pulled' && event.ageMs >= GOSSIP_LATE_MS)) state.waitTicks = 1
  if (event.type !== 'tick') return { state, effects: NO_EFFECTS }

  state.ticks++
  if (state.ticks < state.waitTicks) return { state, effects: NO_EFFECTS }
  const isDue = state.waitTicks < PULL_TICKS_MAX
  const peers = sample(event.peers, isDue ? PULL_PEERS_WHEN_DUE : PULL_PEERS, random)
  state.ticks = 0
  state.waitTicks = Math.min(state.waitTicks * PULL_BACKOFF, PULL_TICKS_MAX)
  return { state, effects: peers.map(peer => ({ type: 'pull', peer })) }
}
