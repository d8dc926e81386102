/** Which peers a request is sent to, in turn, as far as that is known when it comes. */

import type { Asking } from './asking.ts'
import { considered } from './decisions.ts'
import { leavesMesh, rank } from './policies.ts'
import type { Candidate, Ranked, RankedCandidate } from './rank.ts'
import { isRoomier } from './room.ts'
import type { Asked, Attempt } from './router-state.ts'
import { recordOf, type TrackRecords } from './track-record.ts'

/**
 * The first try and two more: a third failure says more about the request than about the peers. A device that could
 * not be dialed does not count.
 */
export const ATTEMPTS_MAX = 3

/** Peers that a request would be sent to, best first, and why. */
export const rankOffers = (
  records: TrackRecords,
  offers: readonly Candidate[],
  asking: Asking,
  nowMs: number
): Ranked[] => rank(withRecords(records, offers, nowMs), asking, nowMs)

const withRecords = (records: TrackRecords, offers: readonly Candidate[], nowMs: number) =>
  offers.map(offer => ({ ...offer, record: recordOf(records, offer.peerId, offer.capability.model, nowMs) }))

interface NewRequest {
  readonly requestId: string
  readonly budgetMs: number
  readonly offers: readonly Candidate[]
  readonly tooSmall?: readonly Candidate[]
  readonly asking: Asking
  readonly continues?: boolean | undefined
  readonly delivered?: number
}

export function newAsked(
  records: TrackRecords,
  { requestId, budgetMs, offers, tooSmall = [], asking, continues = false, delivered = 0 }: NewRequest,
  nowMs: number
): Asked {
  const candidates = withRecords(records, offers, nowMs)
  const ranked = rank(candidates, asking, nowMs)
  const isWhole = ranked.length === candidates.length
  const ejected = isWhole ? [] : candidates.filter(({ record }) => record.ejectedUntilMs > nowMs)
  const kept = considered(ranked, ejected, tooSmall)
  return {
    requestId,
    startedMs: nowMs,
    budgetMs,
    turns: turnsOf(kept.ranked),
    attempts: [],
    continues,
    delivered,
    cut: undefined,
    continuations: 0,
    failures: [],
    considered: kept,
    asking,
    end: undefined,
    endedMs: nowMs
  }
}

/** The peer to ask next. One of several is never asked twice. */
export function nextPeer({ turns, attempts, failures }: Asked): RankedCandidate | undefined {
  const peer = turns[attempts.length]
  if (peer === undefined || attempts.length - attempts.filter(isUnreached).length >= ATTEMPTS_MAX)
    return undefined
  const isAgain = peer === attempts.at(-1)?.peer
  return isAgain && failures.at(-1)?.code !== 'PEER_UNREACHABLE' ? undefined : peer
}

/** The device was not connected and could not be dialed: the request never came to it. */
export const isUnreached = ({ peer, end }: Attempt): boolean => end === 'PEER_UNREACHABLE' && !peer.connected

/** No more peers are asked. */
export function onlyThese(asked: Asked): void {
  asked.turns = asked.turns.slice(0, asked.attempts.length)
}

/** Of the peers that are left, only those are asked that may have more room than this one. */
export function onlyRoomier(asked: Asked, peer: RankedCandidate): void {
  const { turns, attempts } = asked
  const rest = turns.slice(attempts.length).filter(candidate => isRoomier(candidate, peer))
  asked.turns = [...turns.slice(0, attempts.length), ...rest]
}

/**
 * An only peer may be asked twice: its connection can break while it is well. Where the first stays in the mesh, those
 * outside it come last.
 */
function turnsOf(ranked: readonly Ranked[]): RankedCandidate[] {
  const turns = ranked.map(({ candidate }) => candidate)
  const [only] = turns
  if (only !== undefined && !leavesMesh(only))
    turns.sort((a, b) => Number(leavesMesh(a)) - Number(leavesMesh(b)))
  return turns.length === 1 && only!.connected ? [only!, only!] : turns
}
