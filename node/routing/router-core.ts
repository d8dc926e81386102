/**
 * Which peer a request is sent to, and what follows when that peer fails: the
 * router's decisions, as a deterministic core.
 *
 * The best peer is asked first. One that fails is followed by the next. Beside
 * one that stays silent the next is asked too, and the first chunk decides which
 * of them answers; the others are cancelled. All of this is within a number of
 * attempts, the request's own time and a budget for retries. The request fails
 * once no attempt is under way and no other peer may be asked.
 *
 * A request that has begun to be answered is never silently begun again: a cut
 * stream ends with `STREAM_INTERRUPTED` and the number of chunks that came.
 */

import { NO_EFFECTS, type Stepped } from '../../interface/core.ts'
import { CancelledError, EngineFailedError, type LumosError, TimeoutError } from '../../interface/errors.ts'
import { keepDecision } from './decisions.ts'
import { interrupted, mayAskAnother, outcomeOf, summaryOf } from './failures.ts'
import { firstChunkLimitMs, isLate } from './patience.ts'
import type { RankedCandidate } from './rank.ts'
import { newRetryBudget, noteRequest, takeRetry } from './retry-budget.ts'
import type { Asked, Attempt, RouterEffect, RouterEvent, RouterState } from './router-state.ts'
import {
  newTrackRecords,
  noteBegin,
  noteEnd,
  noteFirstChunk,
  noteSpeed,
  type Outcome
} from './track-record.ts'
import { isUnreached, newAsked, nextPeer, onlyRoomier, onlyThese } from './turns.ts'

export const newRouter = (nowMs: number): RouterState => ({
  records: newTrackRecords(),
  retries: newRetryBudget(nowMs),
  requests: new Map(),
  decisions: new Map(),
  lastAttempt: 0
})

/** Changes `state` in place. An event about a request or an attempt that is not under way changes nothing. */
export function stepRouter(
  state: RouterState,
  event: RouterEvent,
  nowMs: number
): Stepped<RouterState, RouterEffect> {
  return { state, effects: effectsOf(state, event, nowMs) }
}

function effectsOf(state: RouterState, event: RouterEvent, nowMs: number): readonly RouterEffect[] {
  const { id } = event
  const asked = state.requests.get(id)
  if (event.type === 'ask') return asked === undefined ? ask(state, event, nowMs) : NO_EFFECTS
  if (asked === undefined) return NO_EFFECTS
  if (event.type === 'cancel') return finish(state, id, asked, new CancelledError(), nowMs)
  const attempt = underWay(asked).find(attempt => attempt.id === event.attempt)
  if (attempt === undefined) return NO_EFFECTS
  switch (event.type) {
    case 'chunk':
      return chunk(state, id, asked, attempt, event, nowMs)
    case 'ended':
      return failed(state, id, asked, attempt, new EngineFailedError('The answer has no end.'), false, nowMs)
    case 'failed':
      return failed(state, id, asked, attempt, event.failure, event.unwanted, nowMs)
    case 'timer':
      return silent(state, id, asked, attempt, nowMs)
  }
}

function ask(
  state: RouterState,
  { id, requestId, budgetMs, offers, asking }: Extract<RouterEvent, { type: 'ask' }>,
  nowMs: number
): readonly RouterEffect[] {
  const asked = newAsked(state.records, { requestId, budgetMs, offers, asking }, nowMs)
  state.requests.set(id, asked)
  keepDecision(state.decisions, asked)
  noteRequest(state.retries, nowMs)
  const first = nextPeer(asked)
  if (first === undefined) return finish(state, id, asked, summaryOf([]), nowMs)
  return begin(state, id, asked, first, nowMs)
}

const underWay = ({ attempts }: Asked): Attempt[] => attempts.filter(({ end }) => end === undefined)

const budgetLeft = ({ budgetMs, startedMs }: Asked, nowMs: number): number => budgetMs - (nowMs - startedMs)

/** The attempt, and a limit to its first chunk while another peer could be asked. */
function begin(
  state: RouterState,
  id: number,
  asked: Asked,
  peer: RankedCandidate,
  nowMs: number
): RouterEffect[] {
  const attempt = ++state.lastAttempt
  const budgetMs = budgetLeft(asked, nowMs)
  asked.attempts.push({
    id: attempt,
    peer,
    startedMs: nowMs,
    received: 0,
    firstChunkMs: undefined,
    heardMs: nowMs,
    end: undefined
  })
  noteBegin(state.records, peer.peerId, peer.capability.model)
  const effect = { type: 'attempt', id, attempt, peer, budgetMs } as const
  const delayMs = nextPeer(asked) === undefined ? undefined : firstChunkLimitMs(peer, budgetMs)
  return delayMs === undefined ? [effect] : [effect, { type: 'timer', id, attempt, delayMs }]
}

/** The limit to the first chunk has passed: the next peer is asked beside this one, where a retry may be made. */
function silent(
  state: RouterState,
  id: number,
  asked: Asked,
  attempt: Attempt,
  nowMs: number
): readonly RouterEffect[] {
  if (attempt.received > 0) return NO_EFFECTS
  noteSilence(state, attempt, nowMs)
  const peer = nextPeer(asked)
  if (peer === undefined || budgetLeft(asked, nowMs) <= 0) return NO_EFFECTS
  return takeRetry(state.retries, nowMs) ? begin(state, id, asked, peer, nowMs) : NO_EFFECTS
}

/** The first chunk takes at least this long: a peer that is slow by nature is given more the next time. */
function noteSilence({ records }: RouterState, { peer, startedMs }: Attempt, nowMs: number): void {
  noteFirstChunk(records, peer.peerId, peer.capability.model, nowMs - startedMs, nowMs)
}

function chunk(
  state: RouterState,
  id: number,
  asked: Asked,
  attempt: Attempt,
  { last, outputTokens }: Extract<RouterEvent, { type: 'chunk' }>,
  nowMs: number
): RouterEffect[] {
  const { peer } = attempt
  attempt.received++
  attempt.heardMs = nowMs
  const effects: RouterEffect[] = []
  if (attempt.received === 1) {
    attempt.firstChunkMs = nowMs - attempt.startedMs
    noteFirstChunk(state.records, peer.peerId, peer.capability.model, attempt.firstChunkMs, nowMs)
    for (const other of underWay(asked)) {
      if (other !== attempt) effects.push(abandon(state, id, other, nowMs))
    }
  }
  if (last) {
    noteSpeed(state.records, attempt, outputTokens, nowMs)
    end(state, attempt, 'answered', 'answered', nowMs)
    close(state, id, asked, 'answered', nowMs)
    effects.push({ type: 'complete', id, peer, durationMs: nowMs - asked.startedMs })
  }
  effects.push({ type: 'deliver', id })
  return effects
}

/** Another peer was faster. What is noted of this one is how long it was silent. */
function abandon(state: RouterState, id: number, attempt: Attempt, nowMs: number): RouterEffect {
  const late = isLate(attempt.peer, 0, nowMs - attempt.startedMs)
  if (late) noteSilence(state, attempt, nowMs)
  end(state, attempt, late ? 'failed' : 'cancelled', late ? 'TIMEOUT' : 'CANCELLED', nowMs)
  return { type: 'abandon', id, attempt: attempt.id }
}

function failed(
  state: RouterState,
  id: number,
  asked: Asked,
  attempt: Attempt,
  failure: LumosError,
  unwanted: boolean,
  nowMs: number
): readonly RouterEffect[] {
  end(state, attempt, outcomeOf(attempt, failure, unwanted, nowMs), failure.code, nowMs)
  if (attempt.received > 0) {
    return finish(state, id, asked, interrupted(attempt, failure, unwanted), nowMs)
  }
  if (unwanted) return finish(state, id, asked, failure, nowMs)
  const reached = !isUnreached(attempt)
  if (reached) asked.failures.push(failure)
  if (!mayAskAnother(failure)) onlyThese(asked)
  if (failure.code === 'CONTEXT_TOO_SMALL') onlyRoomier(asked, attempt.peer)

  const peer = nextPeer(asked)
  const mayAsk = peer !== undefined && budgetLeft(asked, nowMs) > 0
  // No peer was given any work where none was reached.
  if (mayAsk && (!reached || takeRetry(state.retries, nowMs))) return begin(state, id, asked, peer, nowMs)
  if (underWay(asked).length > 0) return NO_EFFECTS
  const { failures, budgetMs } = asked
  const summary =
    peer !== undefined && !mayAsk
      ? new TimeoutError(`No answer within ${budgetMs} ms.`)
      : summaryOf(failures.length > 0 ? failures : [failure])
  return finish(state, id, asked, summary, nowMs)
}

function end(
  { records }: RouterState,
  attempt: Attempt,
  outcome: Outcome,
  how: Attempt['end'],
  nowMs: number
): void {
  attempt.end = how
  noteEnd(records, attempt.peer.peerId, attempt.peer.capability.model, outcome, nowMs)
}

/** The request fails, and what is still under way for it is given up. */
function finish(
  state: RouterState,
  id: number,
  asked: Asked,
  failure: LumosError,
  nowMs: number
): readonly RouterEffect[] {
  const effects: RouterEffect[] = underWay(asked).map(attempt => {
    end(state, attempt, 'cancelled', 'CANCELLED', nowMs)
    return { type: 'abandon', id, attempt: attempt.id }
  })
  close(state, id, asked, failure.code, nowMs)
  effects.push({ type: 'fail', id, failure, durationMs: nowMs - asked.startedMs })
  return effects
}

function close(state: RouterState, id: number, asked: Asked, how: Asked['end'], nowMs: number): void {
  state.requests.delete(id)
  asked.end = how
  asked.endedMs = nowMs
}
