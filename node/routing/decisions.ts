/** The last requests, and why each peer was asked or not: for people who ask why. */

import type { Clock } from '../../interface/clock.ts'
import type { Capability } from '../../interface/manifest.ts'
import type { RequestSummary, RoutedRequest } from '../../interface/routing.ts'
import type { Candidate, Ranked, RankedCandidate } from './rank.ts'
import type { Asked, Considered } from './router-state.ts'

/** A person looks for a request of the last minutes. */
export const DECISIONS_MAX = 1000
/** Peers kept of each: at most three are asked, and the rest show by how much they were worse. */
const CONSIDERED_MAX = 8

export const considered = (
  ranked: readonly Ranked[],
  ejected: readonly RankedCandidate[],
  tooSmall: readonly Candidate[]
): Considered => ({
  ranked: ranked.slice(0, CONSIDERED_MAX),
  ejected: ejected.slice(0, CONSIDERED_MAX),
  tooSmall: tooSmall.slice(0, CONSIDERED_MAX),
  count: ranked.length + ejected.length + tooSmall.length
})

/** The newest request takes the place of an older one of its id, or of the oldest. */
export function keepDecision(decisions: Map<string, Asked>, asked: Asked): void {
  decisions.delete(asked.requestId)
  decisions.set(asked.requestId, asked)
  if (decisions.size > DECISIONS_MAX) decisions.delete(decisions.keys().next().value!)
}

export function decisionAt(
  decisions: ReadonlyMap<string, Asked>,
  requestId: string
): RoutedRequest | undefined {
  const asked = decisions.get(requestId)
  return asked && decisionOf(asked)
}

/** What is kept, the newest first. */
export function decisionsOf(decisions: ReadonlyMap<string, Asked>, clock: Clock): RequestSummary[] {
  const offsetMs = clock.wallMs() - clock.monotonicMs()
  return [...decisions.values()].reverse().map(asked => summaryOf(asked, offsetMs))
}

/** @param offsetMs of wall time to monotonic time, now. */
function summaryOf(asked: Asked, offsetMs: number): RequestSummary {
  const { requestId, startedMs, asking, attempts, delivered, end, endedMs } = asked
  const last = attempts.at(-1)
  const begun = attempts.filter(({ firstChunkMs }) => firstChunkMs !== undefined)
  const firstMs = begun.map(attempt => attempt.startedMs + attempt.firstChunkMs! - startedMs)
  return {
    requestId,
    task: asking.request?.task ?? '',
    model: asking.request?.model ?? null,
    policy: asking.policy,
    atMs: Math.round(startedMs + offsetMs),
    peerId: last?.peer.peerId ?? null,
    name: last?.peer.name ?? null,
    attempts: attempts.length,
    chunks: delivered,
    firstChunkMs: firstMs.length === 0 ? null : Math.min(...firstMs),
    outcome: end ?? null,
    durationMs: end === undefined ? null : endedMs - startedMs
  }
}

const energyOf = ({ joulesPerToken }: Pick<Capability, 'joulesPerToken'>) =>
  joulesPerToken === undefined ? {} : { joulesPerToken }

const unranked = (fate: 'ejected' | 'too_small') => (candidate: Candidate) => {
  const { peerId, name, capability } = candidate
  return { peerId, name, model: capability.model, costMs: null, parts: [], fate }
}

function decisionOf(request: Asked): RoutedRequest {
  const { requestId, startedMs, asking, considered, attempts, end, endedMs } = request
  const { ranked, ejected, tooSmall, count } = considered
  const asked = new Set(attempts.map(({ peer }) => peer.peerId))
  const candidates: RoutedRequest['candidates'] = [
    ...ranked.map(({ candidate: { peerId, name, capability }, costMs, parts }) => {
      const fate = asked.has(peerId) ? ('asked' as const) : ('spare' as const)
      const { model } = capability
      return { peerId, name, model, costMs, parts: [...parts], ...energyOf(capability), fate }
    }),
    ...ejected.map(unranked('ejected')),
    ...tooSmall.map(unranked('too_small'))
  ]
  return {
    requestId,
    policy: asking.policy,
    candidates,
    more: count - candidates.length,
    attempts: attempts.map(attempt => ({
      peerId: attempt.peer.peerId,
      startedMs: attempt.startedMs - startedMs,
      firstChunkMs: attempt.firstChunkMs ?? null,
      from: attempt.from,
      chunks: attempt.received,
      endedMs: attempt.end === undefined ? null : attempt.endedMs - startedMs,
      outcome: attempt.end ?? null
    })),
    outcome: end ?? null,
    durationMs: end === undefined ? null : endedMs - startedMs
  }
}
