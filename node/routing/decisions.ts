/** The last requests, and why each peer was asked or not: for people who ask why. */

import type { CostPart, Ranked, RankedCandidate } from './rank.ts'
import type { Asked, Attempt, Considered } from './router-state.ts'

/** A person looks for a request of the last minutes. */
export const DECISIONS_MAX = 1000
/** Peers kept of each: at most three are asked, and the rest show by how much they were worse. */
const CONSIDERED_MAX = 8

export interface Decision {
  readonly requestId: string
  readonly candidates: readonly DecidedCandidate[]
  /** Candidates that are not listed. */
  readonly more: number
  readonly attempts: readonly DecidedAttempt[]
  /** `answered`, or the code of the failure; absent while the request is under way. */
  readonly outcome: Attempt['end']
  readonly durationMs: number | undefined
}

interface DecidedCandidate {
  readonly peerId: string
  readonly name: string
  /** Absent for a peer that was left out unranked. */
  readonly costMs: number | undefined
  readonly parts: readonly CostPart[]
  /** `asked`, `spare` for a peer that others were before, or `ejected` for one that failed too often. */
  readonly fate: 'asked' | 'spare' | 'ejected'
}

interface DecidedAttempt {
  readonly peerId: string
  /** After the request came. */
  readonly startedMs: number
  readonly firstChunkMs: number | undefined
  /** Chunks of the answer that others gave before it. */
  readonly from: number
  readonly chunks: number
  readonly outcome: Attempt['end']
}

export const considered = (ranked: readonly Ranked[], ejected: readonly RankedCandidate[]): Considered => ({
  ranked: ranked.slice(0, CONSIDERED_MAX),
  ejected: ejected.slice(0, CONSIDERED_MAX),
  count: ranked.length + ejected.length
})

/** The newest request takes the place of an older one of its id, or of the oldest. */
export function keepDecision(decisions: Map<string, Asked>, asked: Asked): void {
  decisions.delete(asked.requestId)
  decisions.set(asked.requestId, asked)
  if (decisions.size > DECISIONS_MAX) decisions.delete(decisions.keys().next().value!)
}

export function decisionOf({ requestId, startedMs, considered, attempts, end, endedMs }: Asked): Decision {
  const { ranked, ejected, count } = considered
  const asked = new Set(attempts.map(({ peer }) => peer.peerId))
  const candidates: DecidedCandidate[] = [
    ...ranked.map(({ candidate: { peerId, name }, costMs, parts }) => {
      const fate = asked.has(peerId) ? ('asked' as const) : ('spare' as const)
      return { peerId, name, costMs, parts, fate }
    }),
    ...ejected.map(({ peerId, name }) => ({
      peerId,
      name,
      costMs: undefined,
      parts: [],
      fate: 'ejected' as const
    }))
  ]
  return {
    requestId,
    candidates,
    more: count - candidates.length,
    attempts: attempts.map(attempt => ({
      peerId: attempt.peer.peerId,
      startedMs: attempt.startedMs - startedMs,
      firstChunkMs: attempt.firstChunkMs,
      from: attempt.from,
      chunks: attempt.received,
      outcome: attempt.end
    })),
    outcome: end,
    durationMs: end === undefined ? undefined : endedMs - startedMs
  }
}
