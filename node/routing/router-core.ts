/**
 * Whom a request is sent to, and what follows when that peer fails: the
 * router's decisions, as a deterministic core.
 *
 * The best peer is asked first; one that fails before its first chunk is
 * followed by the next, within a number of attempts, the request's own time and
 * a budget for retries. A request that has begun to be answered is never
 * silently begun again: a cut stream ends with `STREAM_INTERRUPTED` and the
 * number of chunks that came.
 */

import { NO_EFFECTS, type Stepped } from '../../interface/core.ts'
import {
  CancelledError,
  LumosError,
  NoProviderError,
  OverloadedError,
  TimeoutError
} from '../../interface/errors.ts'
import { type Candidate, type Ranked, type RankedCandidate, rank } from './rank.ts'
import { newRetryBudget, type RetryBudget, takeRetry } from './retry-budget.ts'
import {
  newTrackRecords,
  noteBegin,
  noteEnd,
  noteFirstChunk,
  type Outcome,
  recordOf,
  type TrackRecords
} from './track-record.ts'

/** The first try and two more: a third failure says more about the request than about the peers. */
export const ATTEMPTS_MAX = 3
/** Final at the peer that says so; another one may offer the model to us. */
const NOT_THERE: ReadonlySet<string> = new Set([
  'MODEL_NOT_FOUND',
  'DENIED',
  'PEER_NOT_MEMBER',
  'PEER_REVOKED',
  'PEER_BANNED'
])
/** Said as they are after the first chunk too. */
const TOLD_AS_IS: ReadonlySet<string> = new Set(['TIMEOUT', 'CANCELLED', 'PROTOCOL_VIOLATION'])
/** A second: what a peer that gives no estimate of its own is left alone. */
const RETRY_AFTER_UNKNOWN_MS = 1000
/** As long as a peer that fails is left alone; no peer's estimate counts for more, nor for less than nothing. */
export const RETRY_AFTER_MS_MAX = 300_000

/** One request under way. */
interface Asked {
  readonly startedMs: number
  readonly budgetMs: number
  /** Whom to ask, in turn. */
  readonly turns: readonly RankedCandidate[]
  /** Attempts made; the last one is under way. */
  attempts: number
  attemptMs: number
  /** Chunks that came from the attempt under way. */
  received: number
  readonly failures: LumosError[]
}

export interface RouterState {
  readonly records: TrackRecords
  readonly retries: RetryBudget
  readonly requests: Map<number, Asked>
}

export type RouterEvent =
  | {
      readonly type: 'ask'
      readonly id: number
      readonly budgetMs: number
      readonly offers: readonly Candidate[]
    }
  /** The peer under way sent a chunk; `last` ends the answer. */
  | { readonly type: 'chunk'; readonly id: number; readonly last: boolean }
  /** The attempt under way failed; `unwanted` when whoever asked gave it up. */
  | { readonly type: 'failed'; readonly id: number; readonly failure: LumosError; readonly unwanted: boolean }
  /** Whoever asked left. */
  | { readonly type: 'cancel'; readonly id: number }

export type RouterEffect =
  | {
      readonly type: 'attempt'
      readonly id: number
      readonly peer: RankedCandidate
      readonly budgetMs: number
    }
  /** The chunk is part of the answer. */
  | { readonly type: 'deliver'; readonly id: number }
  /** The answer is whole. */
  | {
      readonly type: 'complete'
      readonly id: number
      readonly peer: RankedCandidate
      readonly durationMs: number
    }
  | { readonly type: 'fail'; readonly id: number; readonly failure: LumosError; readonly durationMs: number }

export const newRouter = (nowMs: number): RouterState => ({
  records: newTrackRecords(),
  retries: newRetryBudget(nowMs),
  requests: new Map()
})

/** Whom a request would be sent to, best first, and why. */
export function rankOffers({ records }: RouterState, offers: readonly Candidate[], nowMs: number): Ranked[] {
  const candidates = offers.map(offer => ({
    ...offer,
    record: recordOf(records, offer.peerId, offer.capability.model, nowMs)
  }))
  return rank(candidates, nowMs)
}

/** Changes `state` in place. What is said of a request that is not under way changes nothing. */
export function stepRouter(
  state: RouterState,
  event: RouterEvent,
  nowMs: number
): Stepped<RouterState, RouterEffect> {
  const asked = state.requests.get(event.id)
  if (event.type === 'ask') {
    return { state, effects: asked === undefined ? ask(state, event, nowMs) : NO_EFFECTS }
  }
  if (asked === undefined) return { state, effects: NO_EFFECTS }
  switch (event.type) {
    case 'chunk':
      return { state, effects: chunk(state, event.id, asked, event.last, nowMs) }
    case 'failed':
      return { state, effects: failed(state, event.id, asked, event, nowMs) }
    case 'cancel':
      end(state, asked, 'cancelled', nowMs)
      return { state, effects: [finish(state, event.id, asked, new CancelledError(), nowMs)] }
  }
}

function ask(
  state: RouterState,
  { id, budgetMs, offers }: Extract<RouterEvent, { type: 'ask' }>,
  nowMs: number
): RouterEffect[] {
  const asked: Asked = {
    startedMs: nowMs,
    budgetMs,
    turns: turnsOf(rankOffers(state, offers, nowMs).map(({ candidate }) => candidate)),
    attempts: 0,
    attemptMs: nowMs,
    received: 0,
    failures: []
  }
  state.requests.set(id, asked)
  return [askNext(state, id, asked, nowMs)]
}

/** An only peer may be asked twice: its connection can break while it is well. */
function turnsOf(ranked: readonly RankedCandidate[]): readonly RankedCandidate[] {
  const [only, ...others] = ranked
  if (only?.connected && others.length === 0) return [only, only]
  return ranked.slice(0, ATTEMPTS_MAX)
}

function askNext(state: RouterState, id: number, asked: Asked, nowMs: number): RouterEffect {
  const { turns, attempts, failures } = asked
  const peer = turns[attempts]
  const again = peer !== undefined && peer === turns[attempts - 1]
  if (peer === undefined || (again && failures.at(-1)?.code !== 'PEER_UNREACHABLE')) {
    return finish(state, id, asked, summaryOf(failures), nowMs)
  }
  if (failures.length > 0 && !takeRetry(state.retries, nowMs)) {
    return finish(state, id, asked, summaryOf(failures), nowMs)
  }
  const budgetMs = asked.budgetMs - (nowMs - asked.startedMs)
  if (budgetMs <= 0) {
    return finish(state, id, asked, new TimeoutError(`No answer within ${asked.budgetMs} ms.`), nowMs)
  }
  asked.attempts++
  asked.attemptMs = nowMs
  noteBegin(state.records, peer.peerId, peer.capability.model)
  return { type: 'attempt', id, peer, budgetMs }
}

function chunk(state: RouterState, id: number, asked: Asked, last: boolean, nowMs: number): RouterEffect[] {
  const peer = peerOf(asked)
  asked.received++
  if (asked.received === 1) {
    noteFirstChunk(state.records, peer.peerId, peer.capability.model, nowMs - asked.attemptMs, nowMs)
  }
  if (!last) return [{ type: 'deliver', id }]
  end(state, asked, 'answered', nowMs)
  state.requests.delete(id)
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
  { failure, unwanted }: Extract<RouterEvent, { type: 'failed' }>,
  nowMs: number
): RouterEffect[] {
  end(state, asked, outcomeOf(failure, unwanted), nowMs)
  if (asked.received > 0) return [finish(state, id, asked, interrupted(failure, asked.received), nowMs)]
  if (unwanted || (!failure.retryable && !NOT_THERE.has(failure.code))) {
    return [finish(state, id, asked, failure, nowMs)]
  }
  asked.failures.push(failure)
  return [askNext(state, id, asked, nowMs)]
}

const peerOf = ({ turns, attempts }: Asked): RankedCandidate => turns[attempts - 1]!

function end(state: RouterState, asked: Asked, outcome: Outcome, nowMs: number): void {
  const { peerId, capability } = peerOf(asked)
  noteEnd(state.records, peerId, capability.model, outcome, nowMs)
}

function finish(
  state: RouterState,
  id: number,
  asked: Asked,
  failure: LumosError,
  nowMs: number
): RouterEffect {
  state.requests.delete(id)
  return { type: 'fail', id, failure, durationMs: nowMs - asked.startedMs }
}

function outcomeOf(failure: LumosError, unwanted: boolean): Outcome {
  if (unwanted || failure.code === 'CANCELLED' || failure.code === 'INVALID_INPUT') return 'cancelled'
  if (failure.code !== 'OVERLOADED') return 'failed'
  return { overloadedMs: retryAfterMsOf(failure) }
}

const retryAfterMsOf = (failure: LumosError): number => {
  const ms = failure.details.retryAfterMs
  if (typeof ms !== 'number' || !Number.isFinite(ms)) return RETRY_AFTER_UNKNOWN_MS
  return Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX)
}

/** After the first chunk every loss is told with how much came, except when it was meant or the peer is to blame. */
function interrupted(failure: LumosError, received: number): LumosError {
  if (TOLD_AS_IS.has(failure.code)) return failure
  return new LumosError(
    'STREAM_INTERRUPTED',
    `The answer was cut after ${received} chunks: ${failure.message}`,
    { cause: failure, details: { received } }
  )
}

/** One error for several: busy only when all are, with the earliest time that one is free again. */
function summaryOf(failures: readonly LumosError[]): LumosError {
  if (failures.length === 0) return new NoProviderError('Nobody can be asked.')
  if (failures.every(({ code }) => code === 'OVERLOADED')) {
    const retryAfterMs = Math.min(...failures.map(retryAfterMsOf))
    return new OverloadedError('Every device that could answer is busy.', retryAfterMs)
  }
  return failures.findLast(({ code }) => code !== 'OVERLOADED') ?? failures.at(-1)!
}
