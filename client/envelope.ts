/** What stands around a call and its answer. */

import { errorOf } from './errors.ts'
import type { SseEvent } from './sse.ts'
import type { Reply } from './transport.ts'
import type { CallOptions, Meta } from './types.ts'

export const wireOptions = ({
  timeoutMs,
  peer,
  policy,
  continuation,
  receipt,
  idempotencyKey
}: CallOptions) => ({
  ...{ timeout_ms: timeoutMs, peer, policy, continuation, receipt, idempotency_key: idempotencyKey }
})

export const traceHeader = ({ traceparent }: Pick<CallOptions, 'traceparent'>): Record<string, string> =>
  traceparent === undefined ? {} : { traceparent }

export const metaIn = ({ data }: SseEvent): Meta => (data as { meta: Meta }).meta

export async function mustBeOk(reply: Reply): Promise<void> {
  if (reply.status === 200) return
  await envelopeOf(reply)
  throw errorOf(undefined)
}

export async function envelopeOf(reply: Reply): Promise<{ data: unknown; meta: Meta }> {
  const { error, data, meta } = parsed(await reply.text())
  if (error !== null) throw errorOf(error, meta?.request_id)
  return { data, meta: meta! }
}

export function parsed(text: string): { data?: unknown; error?: unknown; meta?: Meta } {
  try {
    return JSON.parse(text) ?? {}
  } catch (cause) {
    throw Object.assign(errorOf(undefined), { cause })
  }
}
