/** What a failure of one request says of its item and of its device. */

import type { LumosError } from '../../interface/errors.ts'
import type { Blame, Failure } from './batch-state.ts'

/** The request did not come there, or the device refuses this node: nothing is known of the item. */
const LOST: ReadonlySet<string> = new Set([
  ...['PEER_UNREACHABLE', 'STREAM_INTERRUPTED', 'NODE_NOT_RUNNING', 'CANCELLED', 'SLOW_PEER'],
  ...['NO_PROVIDER', 'MODEL_NOT_FOUND', 'DENIED', 'PEER_NOT_MEMBER', 'PEER_REVOKED', 'PEER_BANNED']
])
const BUSY: ReadonlySet<string> = new Set(['OVERLOADED', 'NO_CAPACITY'])
/** Messages of peers are kept until their line is written. */
const MESSAGE_CHARS_MAX = 400

export function blameOf({ code }: LumosError): Blame {
  if (LOST.has(code)) return 'lost'
  return BUSY.has(code) ? 'busy' : 'item'
}

export const failureOf = ({ code, message }: LumosError): Failure => ({
  code,
  message: message.slice(0, MESSAGE_CHARS_MAX)
})

export function retryAfterMsOf({ details: { retryAfterMs } }: LumosError): number | undefined {
  return typeof retryAfterMs === 'number' && Number.isFinite(retryAfterMs) ? retryAfterMs : undefined
}
