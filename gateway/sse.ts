/** Answers in pieces, as server-sent events: the pieces as they come, then `end` or `error`, exactly once. */

import type { IncomingMessage } from 'node:http'
import type { Clock, Timer } from '../interface/clock.ts'
import { toLumosError } from '../interface/errors.ts'
import { errorBody } from './envelope.ts'
import { isLarge, jsonPieces, nextPiece, toJson } from './json-answer.ts'

/** Under the shortest idle limits of proxies and clients, which are around 15 s. */
const HEARTBEAT_MS = 10_000

const SSE_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff'
} as const

/** The answer to `incoming`, in events. */
export function sseResponse(
  body: ReadableStream<Uint8Array>,
  incoming: IncomingMessage,
  headers: Readonly<Record<string, string>> = {}
): Response {
  return new Response(body, { headers: { ...SSE_HEADERS, ...inPieces(incoming), ...headers } })
}

/** Without it the listener holds the first piece a millisecond back, to see whether it is the whole answer. */
export const inPieces = ({ httpVersion }: IncomingMessage): Record<string, string> =>
  httpVersion === '1.1' ? { 'transfer-encoding': 'chunked' } : {}

export interface SsePiece {
  readonly event: string
  readonly data: unknown
  /** What a client that lost the stream sends as `Last-Event-ID`. Only streams that can be resumed have ids. */
  readonly id?: string
}

export interface SseOptions {
  readonly clock: Clock
  /** What `end` and `error` carry about the whole call. */
  meta(): unknown
}

/**
 * The body of the response. It reads a piece only when the last one has been
 * written, so a slow client slows its source and is owed one piece at most;
 * cancelling it leaves the loop over `pieces`, which cancels the work.
 */
export function sseBody(
  pieces: AsyncIterable<SsePiece>,
  { clock, meta }: SseOptions
): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]()
  let heartbeat: Timer | undefined
  /** Of a large piece that was begun. */
  let rest: Iterator<string> | undefined

  return new ReadableStream({
    start(controller) {
      // A comment at once, so that headers are not held back until the first piece.
      controller.enqueue(comment('open'))
      const beat = () => {
        if (rest === undefined && (controller.desiredSize ?? 0) > 0) controller.enqueue(comment('ping'))
        heartbeat = clock.setTimer(beat, HEARTBEAT_MS)
      }
      heartbeat = clock.setTimer(beat, HEARTBEAT_MS)
    },

    async pull(controller) {
      const last = (event: string, data: unknown) => {
        heartbeat?.cancel()
        controller.enqueue(textOf({ event, data }))
        controller.close()
      }
      try {
        const part = rest && (await nextPiece(rest))
        if (part !== undefined) return controller.enqueue(part)
        rest = undefined
        const next = await iterator.next()
        if (next.done) return last('end', { meta: meta() })
        if (isLarge(next.value.data)) rest = partsOf(next.value)
        controller.enqueue(rest === undefined ? textOf(next.value) : encoder.encode(rest.next().value))
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

/** The items of an answer. It has no ids: an answer is not resumed by reading it again. */
export async function* itemsOf(items: AsyncIterable<unknown>): AsyncGenerator<SsePiece> {
  for await (const data of items) yield { event: 'item', data }
}

const encoder = new TextEncoder()
/** Without an empty line after it: some clients take that for an event without data. */
const comment = (text: string): Uint8Array => encoder.encode(`: ${text}\n`)

/** JSON holds no line breaks, so one `data` line is enough. */
const textOf = (piece: SsePiece): Uint8Array => encoder.encode(`${headOf(piece)}${toJson(piece.data)}\n\n`)

const headOf = ({ event, id }: SsePiece): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: `

function* partsOf(piece: SsePiece): Generator<string, undefined> {
  yield headOf(piece)
  yield* jsonPieces(piece.data)
  yield '\n\n'
}
