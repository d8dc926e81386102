/** Server-sent events of a node, read from text as it comes. */

import { createParser } from 'eventsource-parser'
import { CutError, errorOf } from './errors.ts'
import type { Reply } from './transport.ts'
import { systemWait, type Wait } from './wait.ts'

/** A node sends a comment every 10 s; a connection without three of them is gone, though no side has closed it. */
const SILENCE_MS = 30_000

export interface SseEvent {
  readonly event: string
  /** The place in the stream, where it can be asked again from there. */
  readonly id: string | undefined
  readonly data: unknown
}

/** The events up to the end of the connection. @throws {CutError} */
export async function* eventsOf(reply: Reply, wait: Wait = systemWait): AsyncGenerator<SseEvent, void> {
  const found: SseEvent[] = []
  const parser = createParser({
    onEvent: ({ event = 'message', id, data }) => found.push({ event, id, data: parsed(data) })
  })
  for await (const text of spoken(reply.chunks(), wait)) {
    parser.feed(text)
    yield* found.splice(0)
  }
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data)
  } catch {
    throw errorOf(undefined)
  }
}

/** The same, cut when it is silent for too long. */
async function* spoken(chunks: AsyncGenerator<string, void>, wait: Wait): AsyncGenerator<string, void> {
  try {
    for (;;) {
      const heard = new AbortController()
      const silence = wait(SILENCE_MS, heard.signal).then(() => undefined)
      const next = await Promise.race([chunks.next(), silence]).finally(() => heard.abort())
      if (next === undefined) throw new CutError()
      if (next.done) return
      yield next.value
    }
  } finally {
    // A silent connection does not answer this either.
    chunks.return().catch(() => {})
  }
}
