/**
 * Which peer to ask first: the whole policy, and nothing but the policy.
 *
 * Every candidate gets one figure, the expected time until its first chunk, and
 * what it is made of. To change how peers are ranked, change `costOf`.
 */

import type { Capability } from '../../interface/manifest.ts'
import type { TrackRecord } from './track-record.ts'

/** Guess for a peer nobody measured: between a classifier (1 ms) and a language model (1 s). */
const FIRST_CHUNK_UNMEASURED_MS = 100
/** Loading a model from disk takes a second or two on ordinary machines. */
export const COLD_MS = 1500
/** Guess for the way to a peer whose round trip is not known yet: a busy Wi-Fi. */
const ROUND_TRIP_UNMEASURED_MS = 20
/** Dialing first costs about ten round trips with its handshakes. */
export const DIAL_ROUND_TRIPS = 10

/** A peer that offers what is wanted. */
export interface Candidate {
  readonly peerId: string
  readonly name: string
  readonly local: boolean
  readonly connected: boolean
  /** Round trip to the peer; `null` while unknown. */
  readonly rttMs: number | null
  readonly capability: Capability
}

/** The same, with how it has done for us. */
export interface RankedCandidate extends Candidate {
  readonly record: TrackRecord
}

export interface CostPart {
  readonly reason: string
  readonly ms: number
}

export interface Ranked {
  readonly candidate: RankedCandidate
  readonly costMs: number
  /** What the cost is made of, for people who ask why. */
  readonly parts: readonly CostPart[]
}

/**
 * Best first. Peers that failed too often lately are left out, unless nobody
 * else is there: a poor chance beats none.
 */
export function rank(candidates: readonly RankedCandidate[], nowMs: number): Ranked[] {
  const trusted = candidates.filter(({ record }) => record.ejectedUntilMs <= nowMs)
  return (trusted.length > 0 ? trusted : candidates)
    .map(candidate => ({ candidate, ...costOf(candidate, nowMs) }))
    .sort((a, b) => a.costMs - b.costMs || compare(a.candidate.peerId, b.candidate.peerId))
}

function costOf(candidate: RankedCandidate, nowMs: number): Omit<Ranked, 'candidate'> {
  const { capability, record, local, connected } = candidate
  const parts: CostPart[] = []
  const add = (reason: string, ms: number) => parts.push({ reason, ms })

  // A measured peer's figure holds the way there; a guess does not.
  const measured = record.firstChunkMs !== undefined
  const workMs = record.firstChunkMs ?? FIRST_CHUNK_UNMEASURED_MS
  add(measured ? 'measured first chunk' : 'not measured yet', workMs)
  if (record.inFlight > 0) {
    add('our requests under way there', (workMs * record.inFlight) / capability.slots)
  }
  if (!capability.warm && !measured) add('model not loaded', COLD_MS)
  if (!local) {
    const roundTripMs = candidate.rttMs ?? ROUND_TRIP_UNMEASURED_MS
    if (!measured) add('round trip', roundTripMs)
    if (!connected) add('not connected', roundTripMs * DIAL_ROUND_TRIPS)
  }
  if (record.busyUntilMs > nowMs) add('refused us lately', record.busyUntilMs - nowMs)

  return { costMs: parts.reduce((sum, { ms }) => sum + ms, 0), parts }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
