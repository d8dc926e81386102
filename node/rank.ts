/**
 * Which peer to ask first: the whole policy, and nothing but the policy.
 *
 * Every candidate gets one figure, the expected time until its first chunk, and
 * the reasons it is made of. To change how peers are ranked, change `costOf`.
 */

import type { Capability } from '../interface/manifest.ts'
import type { TrackRecord } from './track-record.ts'

/** Guess for a peer nobody measured: between a classifier (1 ms) and a language model (1 s). */
const FIRST_CHUNK_UNMEASURED_MS = 100
/** Loading a model from disk takes a second or two on ordinary machines. */
const COLD_MS = 1500
/** Guess for the way to a peer whose round trip is not known yet: a busy Wi-Fi. */
const ROUND_TRIP_UNMEASURED_MS = 20
/** Dialing first costs about ten round trips with its handshakes. */
const DIAL_ROUND_TRIPS = 10

export interface Candidate {
  readonly peerId: string
  readonly name: string
  readonly local: boolean
  readonly connected: boolean
  /** Round trip to the peer; `null` while unknown. */
  readonly rttMs: number | null
  readonly capability: Capability
  readonly record: TrackRecord
}

export interface Ranked {
  readonly candidate: Candidate
  readonly costMs: number
  /** Each part of the cost in words, for people who ask why. */
  readonly reasons: readonly string[]
}

/**
 * Best first. Peers that failed too often lately are left out, unless nobody
 * else is there: a poor chance beats none.
 */
export function rank(candidates: readonly Candidate[], nowMs: number): Ranked[] {
  const trusted = candidates.filter(({ record }) => record.ejectedUntilMs <= nowMs)
  return (trusted.length > 0 ? trusted : candidates)
    .map(candidate => ({ candidate, ...costOf(candidate, nowMs) }))
    .sort((a, b) => a.costMs - b.costMs || compare(a.candidate.peerId, b.candidate.peerId))
}

function costOf(candidate: Candidate, nowMs: number): Omit<Ranked, 'candidate'> {
  const { capability, record, local, connected } = candidate
  const parts: [ms: number, reason: string][] = []

  // A measured peer's figure holds the way there; a guess does not.
  const workMs = record.firstChunkMs ?? FIRST_CHUNK_UNMEASURED_MS
  parts.push([workMs, record.firstChunkMs === undefined ? 'not measured yet' : 'measured first chunk'])
  if (record.inFlight > 0) {
    parts.push([
      (workMs * record.inFlight) / capability.slots,
      `${record.inFlight} of our requests under way`
    ])
  }
  if (!capability.warm && record.firstChunkMs === undefined) parts.push([COLD_MS, 'model not loaded'])
  if (!local) {
    const roundTripMs = candidate.rttMs ?? ROUND_TRIP_UNMEASURED_MS
    if (record.firstChunkMs === undefined) parts.push([roundTripMs, 'round trip'])
    if (!connected) parts.push([roundTripMs * DIAL_ROUND_TRIPS, 'not connected'])
  }
  if (record.busyUntilMs > nowMs) parts.push([record.busyUntilMs - nowMs, 'said it is busy'])

  return {
    costMs: parts.reduce((sum, [ms]) => sum + ms, 0),
    reasons: parts.map(([ms, reason]) => `${reason}: ${ms.toFixed(1)} ms`)
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
