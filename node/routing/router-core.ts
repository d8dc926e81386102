/**
 * Which peer a request is sent to, and what follows when that peer fails: the
 * router's decisions, as a deterministic core.
 *
 * The best peer is asked first; one that fails or stays silent before its first
 * chunk is followed by the next, within a number of attempts, the request's own
 * time and a budget for retries. A request that has begun to be answered is
 * never silently begun again: a cut stream ends with `STREAM_INTERRUPTED` and
 * the number of chunks that came.
 */

import { NO_EFFECTS, type Stepped } from '../../interface/core.ts'
import { CancelledError, EngineFailedError, type LumosError, TimeoutError } from '../../interface/errors.ts'
import { keepDecision } from './decisions.ts'
import { interrupted, mayAskAnother, outcomeOf, summaryOf } from './failures.ts'
import { firstChunkLimitMs } from './patience.ts'
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
import { newAsked, onlyRoomier } from './turns.ts'

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
  const attempt = asked?.attempts.at(-1)
  if (asked === undefined || attempt === undefined) return NO_EFFECTS
  if (event.type === 'cancel') {
    end(state, attempt, 'cancelled', 'CANCELLED', nowMs)
    return [finish(state, id, asked, new CancelledError(), nowMs)]
  }
  if (event.attempt !== attempt.id) return NO_EFFECTS
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
  { id, requestId, budgetMs, offers }: Extract<RouterEvent, { type: 'ask' }>,
  nowMs: number
): RouterEffect[] {
  const asked = newAsked(state.records, { requestId, budgetMs, offers }, nowMs)
  state.requests.set(id, asked)
  keepDecision(state.decisions, asked)
  noteRequest(state.retries, nowMs)
  return askNext(state, id, asked, nowMs)
}

function askNext(state: RouterState, id: number, asked: Asked, nowMs: number): RouterEffect[] {
  const { attempts, failures } = asked
  const peer = asked.turns[attempts.length]
  const again = peer !== undefined && peer === attempts.at(-1)?.peer
  if (peer === undefined || (again && failures.at(-1)?.code !== 'PEER_UNREACHABLE')) {
    return [finish(state, id, asked, summaryOf(failures), nowMs)]
  }
  if (budgetLeft(asked, nowMs) <= 0) {
    return [finish(state, id, asked, new TimeoutError(`No answer within ${asked.budgetMs} ms.`), nowMs)]
  }
  if (failures.length > 0 && !takeRetry(state.retries, nowMs)) {
    return [finish(state, id, asked, summaryOf(failures), nowMs)]
  }
  return begin(state, id, asked, peer, nowMs)
}

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
  const delayMs = anotherAfter(asked) === undefined ? undefined : firstChunkLimitMs(peer, budgetMs)
  return delayMs === undefined ? [effect] : [effect, { type: 'timer', id, attempt, delayMs }]
}

/** A peer to ask after the one under way, which is not the same again. */
function anotherAfter({ turns, attempts }: Asked): RankedCandidate | undefined {
  const next = turns[attempts.length]
  return next === attempts.at(-1)?.peer ? undefined : next
}

/** The limit to the first chunk has passed. Where no retry may be made, the peer is waited for. */
function silent(
  state: RouterState,
  id: number,
  asked: Asked,
  attempt: Attempt,
  nowMs: number
): readonly RouterEffect[] {
  const peer = anotherAfter(asked)
  if (attempt.received > 0 || peer === undefined || budgetLeft(asked, nowMs) <= 0) return NO_EFFECTS
  if (!takeRetry(state.retries, nowMs)) return NO_EFFECTS
  const failure = new TimeoutError(`"${attempt.peer.name}" sent nothing within its time.`)
  noteSilence(state, attempt, nowMs)
  end(state, attempt, outcomeOf(attempt, failure, false, nowMs), failure.code, nowMs)
  asked.failures.push(failure)
  return [{ type: 'abandon', id, attempt: attempt.id }, ...begin(state, id, asked, peer, nowMs)]
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
  if (attempt.received === 1) {
    attempt.firstChunkMs = nowMs - attempt.startedMs
    noteFirstChunk(state.records, peer.peerId, peer.capability.model, attempt.firstChunkMs, nowMs)
  }
  if (!last) return [{ type: 'deliver', id }]
  noteSpeed(state.records, attempt, outputTokens, nowMs)
  end(state, attempt, 'answered', 'answered', nowMs)
  close(state, id, asked, 'answered', nowMs)
  const durationMs = nowMs - asked.startedMs
  return [
    { type: 'complete', id, peer, durationMs },
    { type: 'deliver', id }
  ]
}

function failed(
  state: RouterState,
  id: number,
  asked: Asked,
  attempt: Attempt,
  failure: LumosError,
  unwanted: boolean,
  nowMs: number
): RouterEffect[] {
  end(state, attempt, outcomeOf(attempt, failure, unwanted, nowMs), failure.code, nowMs)
  if (attempt.received > 0) {
    return [finish(state, id, asked, interrupted(attempt, failure, unwanted), nowMs)]
  }
  if (unwanted || !mayAskAnother(failure)) return [finish(state, id, asked, failure, nowMs)]
  asked.failures.push(failure)
  if (failure.code === 'CONTEXT_TOO_SMALL') onlyRoomier(asked, attempt.peer)
  return askNext(state, id, asked, nowMs)
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

function finish(
  state: RouterState,
  id: number,
  asked: Asked,
  failure: LumosError,
  nowMs: number
): RouterEffect {
  close(state, id, asked, failure.code, nowMs)
  return { type: 'fail', id, failure, durationMs: nowMs - asked.startedMs }
}

function close(state: RouterState, id: number, asked: Asked, how: Asked['end'], nowMs: number): void {
  state.requests.delete(id)
  asked.end = how
  asked.endedMs = nowMs
}
