/** Which peers a request is sent to, in turn, as far as that is known when it comes. */

import { considered } from './decisions.ts'
import { type Candidate, type Ranked, type RankedCandidate, rank } from './rank.ts'
import { isRoomier } from './room.ts'
import type { Asked } from './router-state.ts'
import { recordOf, type TrackRecords } from './track-record.ts'

/** The first try and two more: a third failure says more about the request than about the peers. */
export const ATTEMPTS_MAX = 3

/** Peers that a request would be sent to, best first, and why. */
export const rankOffers = (records: TrackRecords, offers: readonly Candidate[], nowMs: number): Ranked[] =>
  rank(withRecords(records, offers, nowMs), nowMs)

const withRecords = (records: TrackRecords, offers: readonly Candidate[], nowMs: number) =>
  offers.map(offer => ({ ...offer, record: recordOf(records, offer.peerId, offer.capability.model, nowMs) }))

interface NewRequest {
  readonly requestId: string
  readonly budgetMs: number
  readonly offers: readonly Candidate[]
}

export function newAsked(
  records: TrackRecords,
  { requestId, budgetMs, offers }: NewRequest,
  nowMs: number
): Asked {
  const candidates = withRecords(records, offers, nowMs)
  const ranked = rank(candidates, nowMs)
  const isWhole = ranked.length === candidates.length
  const ejected = isWhole ? [] : candidates.filter(({ record }) => record.ejectedUntilMs > nowMs)
  return {
    requestId,
    startedMs: nowMs,
    budgetMs,
    turns: turnsOf(ranked),
    attempts: [],
    failures: [],
    considered: considered(ranked, ejected),
    end: undefined,
    endedMs: nowMs
  }
}

/** Of the peers that are left, only those are asked that may have more room than this one. */
export function onlyRoomier(asked: Asked, peer: RankedCandidate): void {
  const before = asked.turns.slice(0, asked.attempts.length)
  const rest = asked.considered.ranked
    .map(({ candidate }) => candidate)
    .filter(candidate => !before.includes(candidate) && isRoomier(candidate, peer))
  asked.turns = [...before, ...rest].slice(0, ATTEMPTS_MAX)
}

/** An only peer may be asked twice: its connection can break while it is well. */
function turnsOf(ranked: readonly Ranked[]): RankedCandidate[] {
  const turns = ranked.slice(0, ATTEMPTS_MAX).map(({ candidate }) => candidate)
  const [only] = turns
  return turns.length === 1 && only!.connected ? [only!, only!] : turns
}
