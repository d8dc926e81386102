/**
 * Answers that are given before the body of the request has arrived.
 *
 * A connection that ends with unread bytes is reset, and a reset deletes the answer before many clients have read it.
 * So what still comes is read and dropped for a while, and the connection ends afterwards.
 */

import type { ServerResponse } from 'node:http'
import type { Clock } from '../interface/clock.ts'

/** Time for a few hundred megabytes over loopback. */
const DROP_MS = 5_000

/** To be called before the head of the answer is written. */
export function dropUnreadBody(outgoing: ServerResponse, clock: Clock): void {
  const { req: incoming } = outgoing
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = incoming.headers
  if (incoming.complete || (length === '0' && encoding === undefined)) return

  // Node ends the connection of a client that does not keep it as soon as the answer is written.
  const endsConnection = !outgoing.shouldKeepAlive
  outgoing.shouldKeepAlive = true
  outgoing.once('finish', () => {
    const end = () => incoming.socket.destroySoon()
    const deadline = clock.setTimer(end, DROP_MS)
    incoming.once('close', () => {
      deadline.cancel()
      if (endsConnection) end()
    })
    incoming.resume()
  })
}
