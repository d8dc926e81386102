/** The dialer's half: units of one remote peer. */

import type { Stream } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import { CancelledError, type LumosError, OverloadedError, TimeoutError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { UnitCall } from '../../interface/remote.ts'
import { messageFrames, TYPE } from '../wire/messages.ts'
import { PeerSessions } from '../wire/peer-sessions.ts'
import type { Session } from '../wire/session.ts'
import { reasonOf, StreamedCall, WholeCall } from './call.ts'
import { ANSWER_BYTES_MAX, encodeRequest, UNIT_STREAMS_OUTBOUND_MAX } from './codec.ts'

/** Calls under way to one peer. It takes twice as many, so no caller of ours is refused there. */
const CALLS_MAX = 256
const STREAMS_MAX = UNIT_STREAMS_OUTBOUND_MAX - 1
/** A call of a unit takes milliseconds: by then some have ended. */
const RETRY_AFTER_MS = 100
/** The listener ends a call whose time is over and says so; this is how long it may take to. */
const GRACE_MS = 500

export interface UnitClientComponents {
  readonly clock: Clock
  /** Opens a stream of `UNIT_PROTOCOL` to the peer. */
  openStream(options: AbortOptions): Promise<Stream>
}

export class UnitClient {
  readonly #clock: Clock
  readonly #sessions: PeerSessions
  #calls = 0
  #streams = 0

  constructor({ clock, openStream }: UnitClientComponents) {
    this.#clock = clock
    const admit = (bytes: number) => bytes <= ANSWER_BYTES_MAX
    this.#sessions = new PeerSessions({ clock, openStream, admit, lanesMax: STREAMS_MAX })
  }

  /** @throws {LumosError} what the peer reports; `OVERLOADED`, `TIMEOUT`, `CANCELLED` or `PEER_UNREACHABLE`. */
  async execute(call: UnitCall, { signal }: AbortOptions = {}): Promise<unknown> {
    if (signal?.aborted) throw reasonOf(signal)
    if (this.#calls >= CALLS_MAX) throw tooMany(this.#calls)
    const deadlineMs = this.#clock.monotonicMs() + call.budgetMs + GRACE_MS
    const { control, data } = encodeRequest({ ...call, stream: false })
    this.#calls++
    try {
      const session = this.#sessions.session ?? (await this.#opened(deadlineMs, signal))
      const whole = new WholeCall(deadlineMs, signal)
      const number = session.begin(whole)
      whole.ends = { cancel: () => session.cancel(number), reset: err => session.abort(err) }
      session.write(messageFrames(TYPE.request, number, 0, control, data))
      return await whole.answer
    } finally {
      this.#calls--
    }
  }

  /** The same for an answer in pieces. Leaving the loop cancels it. */
  async *stream(call: UnitCall, { signal }: AbortOptions = {}): AsyncGenerator<unknown> {
    if (this.#streams >= STREAMS_MAX) throw tooMany(this.#streams)
    const { control, data } = encodeRequest({ ...call, stream: true })
    this.#streams++
    try {
      const lane = await this.#sessions.lanes.acquire({ signal })
      const streamed = new StreamedCall(signal)
      try {
        const number = lane.begin(streamed)
        lane.write(messageFrames(TYPE.request, number, 0, control, data))
        yield* streamed.items()
      } finally {
        streamed.leave()
        if (streamed.ended) this.#sessions.lanes.release(lane)
        else lane.abort(new CancelledError())
      }
    } finally {
      this.#streams--
    }
  }

  /** Ends what is under way with `PEER_UNREACHABLE` and closes all streams. */
  async close(): Promise<void> {
    await this.#sessions.close()
  }

  async #opened(deadlineMs: number, signal: AbortSignal | undefined): Promise<Session> {
    const clock = this.#clock
    const given = Promise.withResolvers<never>()
    const late = () =>
      given.reject(new TimeoutError('No stream to the device was opened in the time of the call.'))
    const left = () => given.reject(reasonOf(signal))
    const timer = clock.setTimer(late, deadlineMs - clock.monotonicMs())
    signal?.addEventListener('abort', left)
    try {
      return await Promise.race([this.#sessions.shared(), given.promise])
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', left)
    }
  }
}

const tooMany = (count: number): LumosError =>
  new OverloadedError(`${count} calls to this device are under way.`, RETRY_AFTER_MS)
