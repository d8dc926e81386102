/** How many connections a listener holds, and what those get that are too many. */

import type { Server, ServerResponse } from 'node:http'
import type { Clock } from '../interface/clock.ts'
import { OverloadedError } from '../interface/errors.ts'
import { refuse } from './refuse.ts'

/** A thousand streams of events and as many agents; each idle one costs some ten kilobytes. */
const CONNECTIONS_MAX = 2048
/**
 * Those above are answered with a refusal and closed: a program that sends ten thousand requests at once loses none. One that
 * sends nothing is closed by the time for headers. Above this, connections are closed without an answer.
 */
const CONNECTIONS_REFUSED_MAX = 8192
const CONNECTIONS_RETRY_AFTER_MS = 1000

/** @returns whether more connections are open than are served. */
export function boundConnections(server: Server): () => boolean {
  let open = 0
  server.maxConnections = CONNECTIONS_MAX + CONNECTIONS_REFUSED_MAX
  server.on('connection', socket => {
    open++
    socket.once('close', () => open--)
  })
  return () => open > CONNECTIONS_MAX
}

/** Before its body is read, whatever it asks for. Its connection ends, so that another one has the place. */
export function refuseCrowd(outgoing: ServerResponse, clock: Clock): void {
  outgoing.shouldKeepAlive = false
  refuse(outgoing, new OverloadedError('Too many connections are open.', CONNECTIONS_RETRY_AFTER_MS), clock)
}
