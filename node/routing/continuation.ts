/** An answer that was cut in the middle, or stops there: which peer goes on with it, and whether one may. */

import { NO_EFFECTS } from '../../interface/core.ts'
import { interrupted, mayGoOn, mayGoOnItself } from './failures.ts'
import { stallLimitMs } from './patience.ts'
import { leavesMesh } from './policies.ts'
import type { RankedCandidate } from './rank.ts'
import { takeRetry } from './retry-budget.ts'
import type { Asked, Attempt, Continuers, RouterEffect, RouterEvent, RouterState } from './router-state.ts'
import { abandon, begin, budgetLeft, finish, lookAgain, underWay } from './router-steps.ts'
import { ATTEMPTS_MAX, isUnreached, rankOffers } from './turns.ts'

/**
 * How often one answer may go on elsewhere. Each time a model reads again what was said, so peers that give a chunk and
 * leave could multiply the work of others. A long answer among devices that come and go needs a few.
 */
export const CONTINUATIONS_MAX = 32
/**
 * Another peer is asked beside the same attempt so often, and takes its place at the next stall. Each time costs a retry,
 * and a peer could stop and go on through all of an answer.
 */
const STALLS_MAX = 2
/** The attempt failed after the caller was given a part of the answer. */
export function cut(
  state: RouterState,
  id: number,
  asked: Asked,
  attempt: Attempt,
  {
    failure,
    unwanted,
    offers
  }: Pick<Extract<RouterEvent, { type: 'failed' }>, 'failure' | 'unwanted' | 'offers'>,
  nowMs: number
): readonly RouterEffect[] {
  const others = underWay(asked)
  if (attempt.received > 0 || others.length === 0) asked.cut ??= { attempt, failure }
  // One was asked beside it already, and has a time of its own.
  if (!unwanted && attempt.received > 0 && others.length > 0) return NO_EFFECTS
  const next = unwanted ? undefined : nextContinuer(state, asked, offers, nowMs)
  // One that follows chunks is no retry: it takes the place of an attempt that did its part of the work.
  const isFree = attempt.received > 0 || isUnreached(attempt)
  if (next !== undefined && (isFree || takeRetry(state.retries, nowMs)))
    return goOn(state, id, asked, next, nowMs)
  const other = others.at(-1)
  if (other === undefined || unwanted)
    return finish(
      state,
      id,
      asked,
      interrupted(asked.delivered, { attempt, failure, ...asked.cut }, unwanted),
      nowMs
    )
  return [lookAgain(id, other)]
}

/**
 * The next chunk is late: another peer is asked to go on beside this one, where a retry may be made. The next chunk
 * decides which of them answers.
 */
export function stalled(
  state: RouterState,
  id: number,
  asked: Asked,
  attempt: Attempt,
  { waitedMs = 0, offers }: Extract<RouterEvent, { type: 'timer' }>,
  nowMs: number
): readonly RouterEffect[] {
  if (!asked.continues) return NO_EFFECTS
  const limitMs = attempt.received > 0 ? stallLimitMs(attempt, asked.asking) : 0
  if (waitedMs < limitMs)
    return [{ type: 'timer', id, attempt: attempt.id, delayMs: Math.ceil(limitMs - waitedMs) }]
  // Another one was asked beside it.
  if (underWay(asked).at(-1) !== attempt) return NO_EFFECTS
  const next = nextContinuer(state, asked, offers, nowMs)
  if (next === undefined || !takeRetry(state.retries, nowMs)) return [lookAgain(id, attempt)]
  const isGivenUp = attempt.received > 0 && ++attempt.stalls > STALLS_MAX
  const given = isGivenUp ? [abandon(state, id, asked, attempt, nowMs)] : []
  return [...given, ...goOn(state, id, asked, next, nowMs)]
}

function goOn(
  state: RouterState,
  id: number,
  asked: Asked,
  peer: RankedCandidate,
  nowMs: number
): RouterEffect[] {
  asked.continuations++
  return begin(state, id, asked, peer, nowMs)
}

/**
 * The peer that goes on. None is asked twice for the same chunk, and the one that cut the answer only where no other can
 * go on. An answer that began in the mesh stays there.
 */
function nextContinuer(
  { records }: RouterState,
  asked: Asked,
  offers: Continuers,
  nowMs: number
): RankedCandidate | undefined {
  const { attempts, delivered, cut, continues, continuations } = asked
  if (!continues || offers === undefined || continuations >= CONTINUATIONS_MAX) return undefined
  if (budgetLeft(asked, nowMs) <= 0 || (cut !== undefined && !mayGoOn(cut.failure))) return undefined
  const here = attempts.filter(({ from, received }) => from === delivered && received === 0)
  if (here.filter(attempt => !isUnreached(attempt)).length >= ATTEMPTS_MAX) return undefined

  const ruledOut = new Set([...here, ...underWay(asked)].map(({ peer }) => peer.peerId))
  const mayLeave = attempts.some(({ peer, received }) => received > 0 && leavesMesh(peer))
  const awake = offers.filter(({ wakeMs }) => wakeMs === undefined)
  const able = rankOffers(records, awake, { ...asked.asking, chance: 0 }, nowMs).flatMap(({ candidate }) =>
    ruledOut.has(candidate.peerId) || (leavesMesh(candidate) && !mayLeave) ? [] : [candidate]
  )
  const other = able.find(({ peerId }) => peerId !== cut?.attempt.peer.peerId)
  return other ?? (cut !== undefined && mayGoOnItself(cut.failure) ? able[0] : undefined)
}
