/** The trace that a request belongs to, as of W3C Trace Context: the client's, else one of its own. */

import { traceIdsOf } from '../interface/trace-ids.ts'

/** Version, trace, the span that asks, flags. A later version may say more behind them. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(?:-.*)?$/
/** Longer is no trace. */
const CHARS_MAX = 256

export interface Trace {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** What this request says of itself: its own span in that trace. */
  readonly traceparent: string
  /** The trace of the client; absent where it named none. */
  readonly given?: string
}

/** @param given the header of the client, which is believed as a name only. */
export function traceOf(requestId: string, given: unknown): Trace {
  const own = traceIdsOf(requestId)
  const [, theirs, flags = '00'] =
    (typeof given === 'string' && given.length <= CHARS_MAX && TRACEPARENT.exec(given)) || []
  const traceId = theirs ?? own.traceId
  return { traceId, traceparent: `00-${traceId}-${own.spanId}-${flags}`, ...(theirs && { given: theirs }) }
}

/** The id by which the client knows its request, for the log: no more than a word. */
export const clientRequestId = (given: unknown): string | undefined =>
  typeof given === 'string' && /^[\w.:/+=-]{1,128}$/.test(given) ? given : undefined
