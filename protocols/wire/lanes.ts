/**
 * Streams to one peer that one call at a time uses: bulk and long answers never
 * stand in front of a small call. Opening a stream costs several round trips, so a
 * lane is left open after its call and taken by the next, as HTTP keep-alive does.
 */

import type { Clock, Timer } from '../../interface/clock.ts'
import {
  CancelledError,
  type LumosError,
  OverloadedError,
  PeerUnreachableError
} from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { Session } from './session.ts'

/** Long enough for a person's next question, short enough not to hold a stream for nothing. */
const LANE_IDLE_MS = 60_000
/** Calls that wait for a lane hold their input in memory. */
const WAITING_MAX = 64
/** What a refused caller is told; how long other calls take is not known here. */
const RETRY_AFTER_MS = 500

export interface LanesOptions {
  readonly clock: Clock
  readonly lanesMax: number
  /** Opens a stream; must call `onClosed` once, when the session can take no more calls. */
  open(onClosed: (lane: Session) => void, options: AbortOptions): Promise<Session>
}

interface Waiter {
  /** With a lane, or with leave to open one. */
  grant(lane: Session | undefined): void
  fail(err: LumosError): void
}

export class Lanes {
  readonly #options: LanesOptions
  /** Most recently used last: those at the front grow cold. */
  readonly #idle: { readonly lane: Session; readonly sinceMs: number }[] = []
  readonly #waiting = new Set<Waiter>()
  #open = 0
  #timer: Timer | undefined
  #closed = false

  constructor(options: LanesOptions) {
    this.#options = options
  }

  /**
   * A lane for one call; give it back with `release`, or `abort` it.
   *
   * @throws {OverloadedError} when too many calls wait for one already.
   * @throws what opening a stream throws.
   */
  async acquire(options: AbortOptions = {}): Promise<Session> {
    if (this.#closed) throw closed()
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle.lane
    if (this.#open >= this.#options.lanesMax) {
      const lane = await this.#wait(options.signal)
      if (lane !== undefined) return lane
    } else {
      this.#open++
    }
    try {
      return await this.#options.open(this.#onClosed, options)
    } catch (err) {
      this.#vacate()
      throw err
    }
  }

  /** The call on this lane has ended, and nothing of it is under way. */
  release(lane: Session): void {
    if (!lane.usable) return
    const waiter = this.#nextWaiter()
    if (waiter !== undefined) {
      waiter.grant(lane)
      return
    }
    this.#idle.push({ lane, sinceMs: this.#options.clock.monotonicMs() })
    this.#timer ??= this.#options.clock.setTimer(this.#closeIdle, LANE_IDLE_MS)
  }

  /** Closes idle lanes and lets no call wait; lanes in use are their callers' to end. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    for (const waiter of [...this.#waiting]) waiter.fail(closed())
    await Promise.all(this.#idle.splice(0).map(({ lane }) => lane.close()))
  }

  readonly #onClosed = (lane: Session): void => {
    const at = this.#idle.findIndex(idle => idle.lane === lane)
    if (at !== -1) this.#idle.splice(at, 1)
    this.#vacate()
  }

  /** One lane fewer is open: the call that waits longest may open one. */
  #vacate(): void {
    const waiter = this.#nextWaiter()
    if (waiter !== undefined) waiter.grant(undefined)
    else this.#open--
  }

  #nextWaiter(): Waiter | undefined {
    return this.#waiting.values().next().value
  }

  #wait(signal: AbortSignal | undefined): Promise<Session | undefined> {
    if (this.#waiting.size >= WAITING_MAX) {
      throw new OverloadedError(
        `${this.#open} calls to this peer are under way and ${this.#waiting.size} wait.`,
        RETRY_AFTER_MS
      )
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(waiter)
        signal?.removeEventListener('abort', onAbort)
      }
      const waiter: Waiter = {
        grant: lane => {
          leave()
          resolve(lane)
        },
        fail: err => {
          leave()
          reject(err)
        }
      }
      const onAbort = (): void => waiter.fail(new CancelledError(undefined, { cause: signal?.reason }))
      this.#waiting.add(waiter)
      signal?.addEventListener('abort', onAbort)
    })
  }

  readonly #closeIdle = (): void => {
    this.#timer = undefined
    const nowMs = this.#options.clock.monotonicMs()
    for (;;) {
      const oldest = this.#idle[0]
      if (oldest === undefined) return
      const leftMs = oldest.sinceMs + LANE_IDLE_MS - nowMs
      if (leftMs > 0) {
        this.#timer = this.#options.clock.setTimer(this.#closeIdle, leftMs)
        return
      }
      this.#idle.shift()
      void oldest.lane.close()
    }
  }
}

const closed = (): LumosError => new PeerUnreachableError('The connection to the peer is closing.')
