/** The trace of a request, by its id alone: each device that has the request names the same one. */

import { hash } from 'node:crypto'

/** Of W3C Trace Context, in hexadecimal digits. */
const TRACE_CHARS = 32
const SPAN_CHARS = 16

export const TRACE_ID = /^(?!0{32})[0-9a-f]{32}$/

/** 32 digits of the trace, and 16 of the span that stands for the request in it. */
export function traceIdsOf(requestId: string): { readonly traceId: string; readonly spanId: string } {
  const digest = hash('sha256', requestId)
  return {
    traceId: digest.slice(0, TRACE_CHARS),
    spanId: digest.slice(TRACE_CHARS, TRACE_CHARS + SPAN_CHARS)
  }
}
