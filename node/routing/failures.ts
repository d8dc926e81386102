/** What a failure says of the peer, of the next peer, and to the caller. */

import { LumosError, NoProviderError, OverloadedError } from '../../interface/errors.ts'
import { isLate } from './patience.ts'
import type { Attempt, Cut } from './router-state.ts'
import type { Outcome } from './track-record.ts'

/** The peer refuses this node: a fact about this node and no failure of the peer. */
const REFUSALS: ReadonlySet<string> = new Set(['DENIED', 'PEER_NOT_MEMBER', 'PEER_REVOKED', 'PEER_BANNED'])
/** The request is wrong, or its caller left. */
const BLAMELESS: ReadonlySet<string> = new Set([
  'CANCELLED',
  'CONTEXT_TOO_SMALL',
  'INVALID_INPUT',
  'INPUT_TOO_LARGE'
])
/** The peer has no slot or no memory now: another one may. */
const BUSY: ReadonlySet<string> = new Set(['OVERLOADED', 'NO_CAPACITY'])
/** Reported with their own code after the first chunk too: it says more than that the answer was cut. */
const PLAIN: ReadonlySet<string> = new Set(['TIMEOUT', 'PROTOCOL_VIOLATION', 'ANSWER_CHANGED', ...REFUSALS])
/** A second: what a peer that gives no estimate of its own is left alone. */
const RETRY_AFTER_UNKNOWN_MS = 1000
/** As long as a peer that fails is left alone; no peer's estimate counts for more, nor for less than nothing. */
export const RETRY_AFTER_MS_MAX = 300_000
/** A peer that refuses this node is asked after the others for as long as one that is ejected. */
const REFUSED_MS = 30_000

/** Whether another peer may answer what this one did not. */
export const mayAskAnother = ({ retryable, code }: LumosError): boolean =>
  retryable || code === 'MODEL_NOT_FOUND' || code === 'CONTEXT_TOO_SMALL' || REFUSALS.has(code)

/** What is noted of the peer. */
export function outcomeOf(attempt: Attempt, failure: LumosError, unwanted: boolean, nowMs: number): Outcome {
  const { code } = failure
  if (unwanted || BLAMELESS.has(code)) return 'cancelled'
  if (REFUSALS.has(code)) return { awayMs: REFUSED_MS }
  if (BUSY.has(code)) return { awayMs: retryAfterMsOf(failure) }
  // A budget that is too small for the peer is the caller's.
  if (code === 'TIMEOUT' && !isLate(attempt, nowMs - attempt.heardMs)) return 'cancelled'
  return 'failed'
}

const retryAfterMsOf = (failure: LumosError): number => {
  const ms = failure.details.retryAfterMs
  if (typeof ms !== 'number' || !Number.isFinite(ms)) return RETRY_AFTER_UNKNOWN_MS
  return Math.min(Math.max(ms, 0), RETRY_AFTER_MS_MAX)
}

/** The answer would be wrong wherever it goes on, or there is no time for it. */
const ENDS_ANSWER: ReadonlySet<string> = new Set([
  'ANSWER_CHANGED',
  'CONTEXT_TOO_SMALL',
  'INPUT_TOO_LARGE',
  'INVALID_INPUT',
  'TIMEOUT'
])

/** Whether another peer may go on with the answer that this one gave a part of. */
export const mayGoOn = ({ code }: LumosError): boolean => !ENDS_ANSWER.has(code)

/** Whether the peer itself may go on with it: its connection broke, its engine began anew, or it would rather not. */
export const mayGoOnItself = ({ code }: LumosError): boolean =>
  code === 'PEER_UNREACHABLE' || code === 'ENGINE_FAILED' || code === 'OVERLOADED'

/** After the first chunk a loss is reported with how much came. */
export function interrupted(
  received: number,
  { attempt: { peer }, failure }: Cut,
  unwanted: boolean
): LumosError {
  // A peer that stops cancels what it serves, which its caller did not.
  const cancelledHere = failure.code === 'CANCELLED' && (unwanted || peer.local)
  if (cancelledHere || PLAIN.has(failure.code)) return failure
  return new LumosError(
    'STREAM_INTERRUPTED',
    `The answer was cut after ${received} chunks: ${failure.message}`,
    { cause: failure, details: { received } }
  )
}

/** One error for several: one that no other peer could mend; busy only when all are, with the earliest time that one is free. */
export function summaryOf(failures: readonly LumosError[]): LumosError {
  if (failures.length === 0) return new NoProviderError('No device can be asked.')
  const final = failures.find(failure => !mayAskAnother(failure))
  const other = final ?? failures.findLast(({ code }) => !BUSY.has(code))
  if (other !== undefined) return other
  const overloaded = failures.filter(({ code }) => code === 'OVERLOADED')
  if (overloaded.length === 0) return failures.at(-1)!
  const retryAfterMs = Math.min(...overloaded.map(retryAfterMsOf))
  // One that yields to its user says so.
  const [reason] = new Set(overloaded.map(({ message }) => message))
  return new OverloadedError(`Every device that could answer is busy. One says: ${reason}`, retryAfterMs)
}
