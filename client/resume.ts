/** A stream that outlives its connections: asked again after its last id, with more patience each time. */

import { CutError, type ErrorBody, errorOf, type LumosClientError } from './errors.ts'
import { eventsOf, type SseEvent } from './sse.ts'
import type { Reply } from './transport.ts'
import { backoffMs, systemWait, type Wait } from './wait.ts'

/** The connection of a stream, for a page that shows it. */
export type ConnectionState =
  | { readonly state: 'open' }
  | { readonly state: 'waiting'; readonly delayMs: number; readonly error: LumosClientError }

export interface ResumeOptions {
  readonly signal?: AbortSignal
  /** Called with each change. */
  onConnection?(state: ConnectionState): void
}

interface Stream extends ResumeOptions {
  /** @param lastId of the last event that came, if one has. */
  open(lastId: string | undefined): Promise<Reply>
  /** Whether a proper end means only that the node stops: it is asked again. */
  readonly endless: boolean
  readonly wait?: Wait
}

/**
 * Events of the stream, each once; the value at its end is the data of `end`.
 *
 * @throws {LumosClientError} the error by which the node ends the stream, or that of the first connection.
 */
export async function* resumed(stream: Stream): AsyncGenerator<SseEvent, unknown> {
  const { signal, wait = systemWait } = stream
  let lastId: string | undefined
  let wasOpen = false
  /** By an error that the node sent as the end of the answer. */
  let ended = false
  let failures = 0
  for (;;) {
    try {
      const reply = await stream.open(lastId)
      wasOpen = true
      stream.onConnection?.({ state: 'open' })
      for await (const event of eventsOf(reply, wait)) {
        lastId = event.id ?? lastId
        if (event.event === 'error') {
          ended = !stream.endless
          throw errorIn(event)
        }
        failures = 0
        if (event.event !== 'end') yield event
        else if (!stream.endless) return event.data
      }
      throw new CutError()
    } catch (thrown) {
      signal?.throwIfAborted()
      const error = thrown as LumosClientError
      if (!wasOpen || ended || !error.retryable) throw error
      const delayMs = backoffMs(failures++)
      stream.onConnection?.({ state: 'waiting', delayMs, error })
      await wait(delayMs, signal)
      signal?.throwIfAborted()
    }
  }
}

export function errorIn({ data }: SseEvent): LumosClientError {
  const { error, meta } = (data ?? {}) as { error?: ErrorBody; meta?: { request_id: string } }
  return errorOf(error, meta?.request_id)
}
