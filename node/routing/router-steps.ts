/** Steps of the router's core that an attempt, or a request, goes through wherever it is decided. */

import type { LumosError } from '../../interface/errors.ts'
import { firstChunkLimitMs, isLate, stallLimitMs } from './patience.ts'
import { leavesMesh } from './policies.ts'
import type { RankedCandidate } from './rank.ts'
import type { Asked, Attempt, RouterEffect, RouterState } from './router-state.ts'
import { noteBegin, noteEnd, noteFirstChunk, type Outcome } from './track-record.ts'
import { nextPeer } from './turns.ts'

/** A peer that stays silent, where no other can be asked now: one may come, or a retry. */
const LOOK_AGAIN_MS = 1000

export const lookAgain = (id: number, { id: attempt }: Attempt): RouterEffect => {
  return { type: 'timer', id, attempt, delayMs: LOOK_AGAIN_MS }
}

export const underWay = ({ attempts }: Asked): Attempt[] => attempts.filter(({ end }) => end === undefined)

export const budgetLeft = ({ budgetMs, startedMs }: Asked, nowMs: number): number =>
  budgetMs - (nowMs - startedMs)

/**
 * A peer outside the mesh is asked where those of the mesh have failed, and beside none of them. A device is woken
 * beside no other one.
 */
export const isTooSoon = (asked: Asked, peer: RankedCandidate): boolean =>
  peer.wakeMs !== undefined
    ? underWay(asked).length > 0
    : leavesMesh(peer) && underWay(asked).some(attempt => !leavesMesh(attempt.peer))

/** The attempt, and a limit to its first chunk while another peer could be asked. */
export function begin(
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
    from: asked.delivered,
    received: 0,
    waitMs: 0,
    firstChunkMs: undefined,
    heardMs: nowMs,
    isLate: false,
    stalls: 0,
    end: undefined,
    endedMs: 0
  })
  noteBegin(state.records, peer.peerId, peer.capability.model)
  const from = asked.delivered
  const effect = { type: 'attempt', id, attempt, peer, budgetMs, from } as const
  const isLast = from === 0 && nextPeer(asked) === undefined
  const delayMs = isLast ? undefined : firstChunkLimitMs(peer, budgetMs, from, asked.asking)
  return delayMs === undefined ? [effect] : [effect, { type: 'timer', id, attempt, delayMs }]
}

/**
 * A first chunk takes at least this long: a peer that is slow by nature is given more the next time. No silence makes a
 * peer faster than it was.
 */
export function noteSilence(
  { records }: RouterState,
  { peer }: Attempt,
  silentMs: number,
  nowMs: number
): void {
  if (peer.wakeMs !== undefined) return
  const leastMs = Math.max(silentMs, peer.record.firstChunkMs ?? 0)
  noteFirstChunk(records, peer.peerId, peer.capability.model, leastMs, nowMs)
}

/** Another peer was faster. What is noted of this one is how long it was silent. */
export function abandon(
  state: RouterState,
  id: number,
  { asking }: Asked,
  attempt: Attempt,
  nowMs: number
): RouterEffect {
  const { from, received, heardMs } = attempt
  const silentMs = nowMs - heardMs
  const late = received > 0 ? silentMs >= stallLimitMs(attempt, asking) : isLate(attempt, silentMs)
  if (late && (from === 0 || received > 0)) noteSilence(state, attempt, silentMs, nowMs)
  end(state, attempt, late ? 'failed' : 'cancelled', late ? 'TIMEOUT' : 'CANCELLED', nowMs)
  return { type: 'abandon', id, attempt: attempt.id }
}

/** The attempt is not needed any more, and that is no fault of its peer. */
export function dismiss(state: RouterState, id: number, attempt: Attempt, nowMs: number): RouterEffect {
  end(state, attempt, 'cancelled', 'CANCELLED', nowMs)
  return { type: 'abandon', id, attempt: attempt.id }
}

export function end(
  { records }: RouterState,
  attempt: Attempt,
  outcome: Outcome,
  how: Attempt['end'],
  nowMs: number
): void {
  attempt.end = how
  attempt.endedMs = nowMs
  noteEnd(records, attempt.peer.peerId, attempt.peer.capability.model, outcome, nowMs)
}

/** The request fails, and what is still under way for it is given up. */
export function finish(
  state: RouterState,
  id: number,
  asked: Asked,
  failure: LumosError,
  nowMs: number
): readonly RouterEffect[] {
  const effects: RouterEffect[] = underWay(asked).map(attempt => dismiss(state, id, attempt, nowMs))
  close(state, id, asked, failure.code, nowMs)
  effects.push({ type: 'fail', id, failure, durationMs: nowMs - asked.startedMs })
  return effects
}

export function close(state: RouterState, id: number, asked: Asked, how: Asked['end'], nowMs: number): void {
  state.requests.delete(id)
  asked.end = how
  asked.endedMs = nowMs
}
