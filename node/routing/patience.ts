/**
 * How long a peer may take until its first chunk: by what was measured of it,
 * and not by what its caller wishes.
 */

import type { RoutingPolicy } from '../../interface/routing.ts'
import type { Asking } from './asking.ts'
import { COLD_MS, type RankedCandidate } from './rank.ts'
import type { Attempt } from './router-state.ts'

/** A peer that takes as many times its usual time is late: answers of one model differ, but rarely by more. */
const LATE_FACTOR = 3
/** No peer is late before: a pause of its system or of the network is no fault. */
const LATE_MS_MIN = 250
/** A peer that was not measured is late after this time: most models begin to answer within a second. */
const LATE_UNMEASURED_MS = 1500
/** A silent peer is given at least this time, or half the budget, before another one is asked beside it. */
const FIRST_CHUNK_LIMIT_MS = 1500
/**
 * Where it is known how long a peer takes, another one is asked beside it once it takes longer than 19 of 20 times, and
 * not before this time: a pause of its system is shorter.
 */
const HEDGE_MS_MIN = 250
/** A peer that stops in the middle of its answer is silent after as many times its longest wait lately, */
const STALL_FACTOR = 4
/** but not before this time: a garbage collection or a lost packet is no end, */
const STALL_MS_MIN = 750
/** and this time while fewer chunks have come than say how fast it is. */
const STALL_MS_UNMEASURED = 1000
const STALL_CHUNKS_MIN = 4
/** A wait counts for less with each chunk that comes after it: half after some seven. */
export const WAIT_FADES = 0.9
/** A peer that goes on with an answer may make what came of it again, piece by piece; one that was not measured in this time each, */
const PIECE_MS_UNMEASURED = 30
/** and not for longer: a peer that goes on with nothing looks the same. */
const REPLAY_MS_MAX = 20_000
/** A device that sleeps is late after as many times what waking it usually takes: one that is off starts anew. */
const WAKE_FACTOR = 2
/** A peer that stops in the middle of its answer hangs after this time; an engine that works writes each second. */
const HUNG_MS = 10_000

/** After this time without a chunk the delay is the peer's. */
function lateMsOf({ record, capability, wakeMs = 0 }: RankedCandidate): number {
  const { firstChunkMs, inFlight } = record
  const usualMs =
    firstChunkMs === undefined
      ? LATE_UNMEASURED_MS
      : Math.max(LATE_FACTOR * firstChunkMs * (1 + inFlight / capability.slots), LATE_MS_MIN)
  return usualMs + (capability.warm ? 0 : COLD_MS) + WAKE_FACTOR * wakeMs
}

/** Under `local-first` this device is left where it hangs, and not where it is slow. */
const leastMs = ({ local }: RankedCandidate, policy: RoutingPolicy): number =>
  policy === 'local-first' && local ? HUNG_MS : 0

/** What a peer may need for the pieces that came from others before. */
const replayMs = ({ record }: RankedCandidate, from: number): number =>
  Math.min(from * (record.pieceMs ?? PIECE_MS_UNMEASURED), REPLAY_MS_MAX)

/**
 * After this time without a chunk another peer is asked beside this one; `undefined` when no time would be left for
 * it. A peer that is slow by nature is given what it usually needs, and one that goes on with an answer what it needs for
 * the `from` pieces before, of which half the budget is left for another one.
 */
export function firstChunkLimitMs(
  peer: RankedCandidate,
  budgetMs: number,
  from: number,
  { policy }: Pick<Asking, 'policy'>
): number | undefined {
  const { slowestFirstChunkMs, inFlight } = peer.record
  const { slots, warm } = peer.capability
  const newMs =
    slowestFirstChunkMs === undefined
      ? Math.max(lateMsOf(peer), Math.min(FIRST_CHUNK_LIMIT_MS, budgetMs / 2))
      : Math.max(slowestFirstChunkMs * (1 + inFlight / slots), HEDGE_MS_MIN) +
        (warm ? 0 : COLD_MS) +
        WAKE_FACTOR * (peer.wakeMs ?? 0)
  const limitMs = Math.max(newMs, leastMs(peer, policy)) + Math.min(replayMs(peer, from), budgetMs / 2)
  return limitMs < budgetMs ? limitMs : undefined
}

/** After this time without a chunk in the middle of an answer another peer is asked to go on with it. */
export function stallLimitMs(
  { peer, received, waitMs }: Pick<Attempt, 'peer' | 'received' | 'waitMs'>,
  { policy }: Pick<Asking, 'policy'>
): number {
  const measuredMs = Math.max(STALL_MS_MIN, STALL_FACTOR * waitMs)
  const limitMs = Math.min(
    received < STALL_CHUNKS_MIN ? Math.max(STALL_MS_UNMEASURED, measuredMs) : measuredMs,
    HUNG_MS
  )
  return Math.max(limitMs, leastMs(peer, policy))
}

/** Whether a peer that was silent for this long in an attempt is at fault. */
export function isLate(
  { peer, from, received }: Pick<Attempt, 'peer' | 'from' | 'received'>,
  silentMs: number
): boolean {
  const firstMs = lateMsOf(peer)
  return silentMs >= (received === 0 ? firstMs + replayMs(peer, from) : Math.max(firstMs, HUNG_MS))
}
