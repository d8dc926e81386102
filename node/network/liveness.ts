/**
 * Ends connections whose other end is gone, which shows by nothing but silence.
 *
 * A ping that is not answered ends a connection unless anything at all came since
 * it was sent: on a slow link a ping waits behind all that is under way, and who
 * refuses a ping, as while a device is let in, lives too. libp2p's own monitor
 * takes both for dead.
 */

import { randomBytes } from 'node:crypto'
import type { Connection, Stream } from '@libp2p/interface'
import { byteStream } from '@libp2p/utils'
import type { Clock, Timer } from '../../interface/clock.ts'
import type { Startable } from '../../interface/lifecycle.ts'
import { Deadline } from './deadline.ts'

// https://github.com/libp2p/specs/blob/master/ping/ping.md
const PING_PROTOCOL = '/ipfs/ping/1.0.0'
const PING_BYTES = 32
/** A small board that is busy for nine seconds is not taken for dead. */
export const PING_TIMEOUT_MS = 10_000
/** A connection that something speaks against has so long to answer. One that lives, and is slow, is made anew. */
const DOUBTED_TIMEOUT_MS = 2000

export interface LivenessComponents {
  readonly clock: Clock
  readonly intervalMs: number
  connections(): readonly Connection[]
  /** When bytes last came over the connection, on the monotonic clock; undefined when none did. */
  heardAtMs(connection: Connection): number | undefined
}

export class Liveness implements Startable {
  readonly #components: LivenessComponents
  readonly #stopped = new AbortController()
  #timer: Timer | undefined

  constructor(components: LivenessComponents) {
    this.#components = components
  }

  start(): void {
    const { clock, intervalMs, connections } = this.#components
    this.#timer = clock.setTimer(() => {
      for (const connection of connections()) void this.#ping(connection)
      this.start()
    }, intervalMs)
  }

  /** There is a reason to think that these are dead. */
  doubt(connections: readonly Connection[]): void {
    for (const connection of connections) void this.#ping(connection, DOUBTED_TIMEOUT_MS)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#stopped.abort()
  }

  async #ping(connection: Connection, timeoutMs = PING_TIMEOUT_MS): Promise<void> {
    const { clock, heardAtMs } = this.#components
    const beganMs = clock.monotonicMs()
    using deadline = new Deadline(clock, timeoutMs, this.#stopped.signal)
    const { signal } = deadline
    let stream: Stream | undefined
    try {
      stream = await connection.newStream(PING_PROTOCOL, { signal, runOnLimitedConnection: true })
      const bytes = byteStream(stream)
      const sentAtMs = clock.monotonicMs()
      await Promise.all([
        bytes.write(randomBytes(PING_BYTES), { signal }),
        bytes.read({ bytes: PING_BYTES, signal })
      ])
      connection.rtt = clock.monotonicMs() - sentAtMs
      await stream.close({ signal })
    } catch (err) {
      stream?.abort(err as Error)
      const heard = (heardAtMs(connection) ?? Number.NEGATIVE_INFINITY) >= beganMs
      if (!heard && !this.#stopped.signal.aborted) connection.abort(err as Error)
    }
  }
}
