/**
 * Ends connections whose other end is gone, which shows by nothing but silence.
 *
 * A ping that is not answered ends a connection unless anything at all came since
 * it was sent: on a slow link a ping waits behind all that is under way. libp2p's own
 * monitor takes such a connection for dead. Bytes may also have come before the ping
 * and be read after it, so a doubted connection is watched until the ping is answered.
 *
 * The pings are those of the muxer, two small frames. A ping in a stream of its own, as
 * libp2p has it, costs a negotiation and an entry of the peer store on both sides, which is half of what an idle node
 * does.
 */

import type { Connection } from '@libp2p/interface'
import type { Clock, Timer } from '../../interface/clock.ts'
import type { Startable } from '../../interface/lifecycle.ts'
import { Deadline } from './deadline.ts'

/** A small board that is busy for nine seconds is not taken for dead. */
export const PING_TIMEOUT_MS = 10_000
/** A connection that something speaks against has so long to answer. One that lives, and is slow, is made anew. */
const DOUBTED_TIMEOUT_MS = 2000

export interface LivenessComponents {
  readonly clock: Clock
  readonly intervalMs: number
  connections(): readonly Connection[]
  /** Resolves when the other end has answered, and else may not end at all. */
  ping(connection: Connection): Promise<unknown>
  /** When bytes last came over the connection, on the monotonic clock; undefined when none did. */
  heardAtMs(connection: Connection): number | undefined
}

export class Liveness implements Startable {
  readonly #components: LivenessComponents
  readonly #stopped = new AbortController()
  readonly #answers = new WeakMap<Connection, Promise<void>>()
  readonly #doubted = new WeakSet<Connection>()
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
    for (const connection of connections) {
      if (!this.#doubted.has(connection)) void this.#doubt(connection)
    }
  }

  stop(): void {
    this.#timer?.cancel()
    this.#stopped.abort()
  }

  async #doubt(connection: Connection): Promise<void> {
    this.#doubted.add(connection)
    while (await this.#ping(connection, DOUBTED_TIMEOUT_MS));
    this.#doubted.delete(connection)
  }

  /** @returns whether bytes came, and no answer. */
  async #ping(connection: Connection, timeoutMs = PING_TIMEOUT_MS): Promise<boolean> {
    const { clock, heardAtMs } = this.#components
    const beganMs = clock.monotonicMs()
    using deadline = new Deadline(clock, timeoutMs, this.#stopped.signal)
    try {
      await before(deadline.signal, this.#answer(connection))
      return false
    } catch (err) {
      if (this.#stopped.signal.aborted) return false
      const heard = (heardAtMs(connection) ?? Number.NEGATIVE_INFINITY) >= beganMs
      if (!heard) connection.abort(err as Error)
      return heard && deadline.signal.aborted
    }
  }

  /** One ping at a time: the muxer ends a connection on which an answer comes to a ping that was given up. */
  #answer(connection: Connection): Promise<void> {
    const { clock, ping } = this.#components
    const sentAtMs = clock.monotonicMs()
    const answer =
      this.#answers.get(connection) ??
      ping(connection)
        .then(() => {
          connection.rtt = clock.monotonicMs() - sentAtMs
        })
        .finally(() => this.#answers.delete(connection))
    this.#answers.set(connection, answer)
    return answer
  }
}

const before = <T>(signal: AbortSignal, work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    work.then(resolve, reject)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
