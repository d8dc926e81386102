/**
 * Streams of `/v1`: server-sent events without ids. Some clients take a comment with an empty line after it, or an
 * id with nothing behind it, for an event without data.
 */

import type { QueuePlace } from '../../interface/chunks.ts'
import type { Clock, Timer } from '../../interface/clock.ts'
import { queueWords } from '../../interface/queue-words.ts'
import type { SnakeCase } from '../../interface/snake-case.ts'

/** Under the shortest idle limits of proxies and clients, which are around 15 s. */
export const KEEP_ALIVE_MS = 10_000

export interface DataStream {
  /** The first event, which was asked for already. */
  readonly first: Promise<IteratorResult<string>>
  readonly rest: AsyncGenerator<string>
  readonly clock: Clock
  /** The last event, of a stream that failed. */
  failed(thrown: unknown): string
  /** What says in a silence that the stream goes on. */
  beat(): string
}

interface Progress {
  readonly stage: string
  readonly queue?: SnakeCase<QueuePlace> | undefined
}

/** A comment. */
export const keepAlive = (): string => ': keep-alive\n'

export const DONE = 'data: [DONE]\n\n'
export const dataEvent = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
/** For people who watch a stream: its place in a queue, or which device is waited for. Clients pass over it. */
export const progressComment = ({ stage, queue }: Progress): string =>
  (queue === undefined ? '' : `: queued: ${queueWords(queue)}\n`) + waitingFor(stage)
/** A peer may have written it, so it stays on its line. */
const waitingFor = (stage: string): string =>
  stage.startsWith('waking ') ? `: ${stage.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, ' ')}\n` : ''
export const namedEvent = (name: string, value: unknown): string => `event: ${name}\n${dataEvent(value)}`

/** The body of the response. It reads an event only when the last one has been written; cancelling it ends the work. */
export function dataBody({ first, rest, clock, failed, beat }: DataStream): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let waiting: Promise<IteratorResult<string>> | undefined = first
  let heartbeat: Timer | undefined

  return new ReadableStream({
    start(controller) {
      const tick = () => {
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(beat()))
        heartbeat = clock.setTimer(tick, KEEP_ALIVE_MS)
      }
      heartbeat = clock.setTimer(tick, KEEP_ALIVE_MS)
    },

    async pull(controller) {
      const close = (last?: string) => {
        heartbeat?.cancel()
        if (last !== undefined) controller.enqueue(encoder.encode(last))
        controller.close()
      }
      try {
        const next = await (waiting ?? rest.next())
        waiting = undefined
        if (next.done) close()
        else controller.enqueue(encoder.encode(next.value))
      } catch (err) {
        close(failed(err))
      }
    },

    async cancel() {
      heartbeat?.cancel()
      await rest.return(undefined)
    }
  })
}
