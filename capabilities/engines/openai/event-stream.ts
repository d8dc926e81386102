/** Server-sent events as they come, each bounded. */

import type { IncomingMessage } from 'node:http'
import { EngineFailedError } from '../../../interface/errors.ts'

/** One event: a piece of text, or the arguments of a call at once. */
const EVENT_CHARS_MAX = 4 * 1024 * 1024

/** The data of each event, which may be none. */
export async function* eventsOf(response: IncomingMessage): AsyncGenerator<string> {
  // Loaded when a server streams for the first time.
  const { createParser } = await import('eventsource-parser')
  const events: string[] = []
  const parser = createParser({ onEvent: ({ data }) => events.push(data) })
  response.setEncoding('utf8')
  let unread = 0
  for await (const text of response as AsyncIterable<string>) {
    parser.feed(text)
    unread = events.length > 0 ? 0 : unread + text.length
    if (unread > EVENT_CHARS_MAX) {
      throw new EngineFailedError(`The server sent an event of more than ${EVENT_CHARS_MAX} characters.`)
    }
    yield* events.splice(0)
  }
  // Some servers leave out the empty line after the last event.
  parser.feed('\n\n')
  yield* events.splice(0)
}
