/** Keeps a connection of HTTP/2 while it is of use: one that is idle, silent or noisy ends. */

import { constants, type ServerHttp2Session } from 'node:http2'
import type { Clock, Timer } from '../../interface/clock.ts'

/** Routers forget a connection after some minutes of silence. */
const TURN_MS = 30_000
/** Five minutes without a call. Clients connect again by themselves. */
const IDLE_TURNS = 10
/** Clients measure the line by some a second while much is sent. Each is answered, and none is paid for otherwise. */
const PINGS_MAX = 300

export function tend(session: ServerHttp2Session, clock: Clock): void {
  let calls = 0
  let idleTurns = 0
  let pings = 0
  let isAnswered = true
  let turn: Timer

  const next = () => {
    pings = 0
    idleTurns = calls > 0 ? 0 : idleTurns + 1
    if (!isAnswered) return session.destroy()
    if (idleTurns >= IDLE_TURNS) return session.close()
    isAnswered = false
    session.ping(() => {
      isAnswered = true
    })
    turn = clock.setTimer(next, TURN_MS)
  }
  turn = clock.setTimer(next, TURN_MS)

  session.on('stream', stream => {
    calls++
    stream.once('close', () => calls--)
  })
  session.on('ping', () => {
    if (++pings <= PINGS_MAX) return
    session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'))
    session.destroy()
  })
  session.on('error', () => {})
  session.once('close', () => turn.cancel())
}
