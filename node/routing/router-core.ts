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
 * A request that has begun to be answered is never begun again. An answer that is
 * cut, or stops, is continued by a peer that can (`continuation.ts`), from the
 * chunk that is next. Where none can, it ends with `STREAM_INTERRUPTED` and the
 * number of chunks that came.
 */

import { NO_EFFECTS, type Stepped } from '../../interface/core.ts'
import { CancelledError, EngineFailedError, TimeoutError } from '../../interface/errors.ts'
import { cut, stalled } from './continuation.ts'
import { keepDecision } from './decisions.ts'
import { mayAskAnother, outcomeOf, summaryOf } from './failures.ts'
import { stallLimitMs, WAIT_FADES } from './patience.ts'
import { newRetryBudget, noteRequest, takeRetry } from './retry-budget.ts'
import type { Asked, Attempt, RouterEffect, RouterEvent, RouterState } from './router-state.ts'
import {
  abandon,
  begin,
  budgetLeft,
  close,
  dismiss,
  end,
  finish,
  isTooSoon,
  lookAgain,
  noteSilence,
  underWay
} from './router-steps.ts'
import { newTrackRecords, noteFirstChunk, noteSpeed } from './track-record.ts'
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
      return failed(
        state,
        id,
        asked,
        attempt,
        { ...event, failure: new EngineFailedError('The answer has no end.'), unwanted: false },
        nowMs
      )
    case 'failed':
      return failed(state, id, asked, attempt, event, nowMs)
    case 'timer':
      return asked.delivered > 0
        ? stalled(state, id, asked, attempt, event, nowMs)
        : silent(state, id, asked, attempt, nowMs)
  }
}

function ask(
  state: RouterState,
  { id, ...request }: Extract<RouterEvent, { type: 'ask' }>,
  nowMs: number
): readonly RouterEffect[] {
  const asked = newAsked(state.records, request, nowMs)
  state.requests.set(id, asked)
  keepDecision(state.decisions, asked)
  noteRequest(state.retries, nowMs)
  const first = nextPeer(asked)
  if (first === undefined) return finish(state, id, asked, summaryOf([]), nowMs)
  return begin(state, id, asked, first, nowMs)
}

/**
 * The limit to the first chunk has passed: the next peer is asked beside this one. Where no retry may be made now, one may
 * soon.
 */
function silent(
  state: RouterState,
  id: number,
  asked: Asked,
  attempt: Attempt,
  nowMs: number
): readonly RouterEffect[] {
  if (!attempt.isLate) noteSilence(state, attempt, nowMs - attempt.startedMs, nowMs)
  attempt.isLate = true
  const peer = nextPeer(asked)
  if (peer === undefined || budgetLeft(asked, nowMs) <= 0) return NO_EFFECTS
  if (isTooSoon(asked, peer)) return NO_EFFECTS
  return takeRetry(state.retries, nowMs) ? begin(state, id, asked, peer, nowMs) : [lookAgain(id, attempt)]
}

const NONE: readonly Attempt[] = []

function chunk(
  state: RouterState,
  id: number,
  asked: Asked,
  attempt: Attempt,
  { last, outputTokens, waitedMs = 0 }: Extract<RouterEvent, { type: 'chunk' }>,
  nowMs: number
): RouterEffect[] {
  const { peer } = attempt
  const others = asked.attempts.length > 1 ? underWay(asked).filter(other => other !== attempt) : NONE
  // A peer that stops, and goes on just before another one does, is the one that was late.
  const hasStalled = attempt.received > 0 && others.length > 0
  if (hasStalled) noteSilence(state, attempt, nowMs - attempt.heardMs, nowMs)
  attempt.received++
  attempt.heardMs = nowMs
  asked.delivered++
  asked.cut = undefined
  const effects: RouterEffect[] = others.map(other =>
    hasStalled ? dismiss(state, id, other, nowMs) : abandon(state, id, asked, other, nowMs)
  )
  if (attempt.received === 1) {
    attempt.firstChunkMs = nowMs - attempt.startedMs
    // What it took to make again what came before, or to wake, says nothing of a new answer.
    if (attempt.from === 0 && peer.wakeMs === undefined)
      noteFirstChunk(state.records, peer.peerId, peer.capability.model, attempt.firstChunkMs, nowMs)
  } else attempt.waitMs = Math.max(waitedMs, attempt.waitMs * WAIT_FADES)
  if (asked.continues && !last && (others.length > 0 || attempt.received === 1)) {
    effects.push({ type: 'timer', id, attempt: attempt.id, delayMs: stallLimitMs(attempt, asked.asking) })
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

function failed(
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
  end(state, attempt, outcomeOf(attempt, failure, unwanted, nowMs), failure.code, nowMs)
  if (asked.delivered > 0) return cut(state, id, asked, attempt, { failure, unwanted, offers }, nowMs)
  if (unwanted) return finish(state, id, asked, failure, nowMs)
  const reached = !isUnreached(attempt)
  if (reached) asked.failures.push(failure)
  if (!mayAskAnother(failure)) onlyThese(asked)
  if (failure.code === 'CONTEXT_TOO_SMALL') onlyRoomier(asked, attempt.peer)

  const peer = nextPeer(asked)
  if (peer !== undefined && isTooSoon(asked, peer)) return NO_EFFECTS
  const mayAsk = peer !== undefined && budgetLeft(asked, nowMs) > 0
  // No peer was given any work where none was reached.
  if (mayAsk && (!reached || takeRetry(state.retries, nowMs))) return begin(state, id, asked, peer, nowMs)
  const other = underWay(asked).at(-1)
  if (other !== undefined) return mayAsk ? [lookAgain(id, other)] : NO_EFFECTS
  const { failures, budgetMs } = asked
  const summary =
    peer !== undefined && !mayAsk
      ? new TimeoutError(`No answer within ${budgetMs} ms.`)
      : summaryOf(failures.length > 0 ? failures : [failure])
  return finish(state, id, asked, summary, nowMs)
}
