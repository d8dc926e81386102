/** Answers in pieces, as server-sent events: `item`, then `end` or `error`, exactly once. */

import type { Clock, Timer } from '../interface/clock.ts'
import { toLumosError } from '../interface/errors.ts'
import { errorBody, toJson } from './envelope.ts'

/** Under the shortest idle limits of proxies and clients, which are around 15 s. */
const HEARTBEAT_MS = 10_000

export interface SseOptions {
  readonly clock: Clock
  /** What `end` and `error` carry about the whole call. */
  meta(): unknown
}

/**
 * The body of the response. It reads an item only when the last one has been
 * written, so a slow client slows the peer that answers; cancelling it leaves
 * the loop over `items`, which cancels the work.
 */
export function sseBody(
  items: AsyncIterable<unknown>,
  { clock, meta }: SseOptions
): ReadableStream<Uint8Array> {
  const iterator = items[Symbol.asyncIterator]()
  let heartbeat: Timer | undefined
  let id = 0

  return new ReadableStream({
    start(controller) {
      // A comment at once, so that headers are not held back until the first item.
      controller.enqueue(comment('open'))
      const beat = () => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(comment('ping'))
        heartbeat = clock.setTimer(beat, HEARTBEAT_MS)
      }
      heartbeat = clock.setTimer(beat, HEARTBEAT_MS)
    },

    async pull(controller) {
      const last = (event: string, data: unknown) => {
        heartbeat?.cancel()
        controller.enqueue(eventOf(event, data, id++))
        controller.close()
      }
      try {
        const next = await iterator.next()
        if (next.done) last('end', { meta: meta() })
        else controller.enqueue(eventOf('item', next.value, id++))
      } catch (err) {
        last('error', { error: errorBody(toLumosError(err)), meta: meta() })
      }
    },

    async cancel() {
      heartbeat?.cancel()
      await iterator.return?.()
    }
  })
}

const encoder = new TextEncoder()
const comment = (text: string): Uint8Array => encoder.encode(`: ${text}\n\n`)

/** JSON holds no line breaks, so one `data` line is enough. */
const eventOf = (event: string, data: unknown, id: number): Uint8Array =>
  encoder.encode(`id: ${id}\nevent: ${event}\ndata: ${toJson(data)}\n\n`)
