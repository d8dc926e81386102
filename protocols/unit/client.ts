/** The dialer's half: units of one remote peer. */

import type { Stream } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import {
  CancelledError,
  LumosError,
  OverloadedError,
  PeerUnreachableError,
  TimeoutError
} from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { UnitCall } from '../../interface/remote.ts'
import { FrameStream } from '../wire/frames.ts'
import { Lanes } from '../wire/lanes.ts'
import { messageFrames, TYPE } from '../wire/messages.ts'
import { Session } from '../wire/session.ts'
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
  readonly #components: UnitClientComponents
  readonly #lanes: Lanes
  #session: Session | undefined
  #opening: Promise<Session> | undefined
  #calls = 0
  #streams = 0
  #closed = false

  constructor(components: UnitClientComponents) {
    this.#components = components
    this.#lanes = new Lanes({
      clock: components.clock,
      lanesMax: STREAMS_MAX,
      open: (onClosed, options) => this.#open(onClosed, options)
    })
  }

  /** @throws {LumosError} what the peer reports; `OVERLOADED`, `TIMEOUT`, `CANCELLED` or `PEER_UNREACHABLE`. */
  async execute(call: UnitCall, { signal }: AbortOptions = {}): Promise<unknown> {
    if (signal?.aborted) throw reasonOf(signal)
    if (this.#calls >= CALLS_MAX) throw tooMany(this.#calls)
    const deadlineMs = this.#components.clock.monotonicMs() + call.budgetMs + GRACE_MS
    const { control, data } = encodeRequest({ ...call, stream: false })
    this.#calls++
    try {
      const known = this.#session
      const session = known?.usable ? known : await this.#opened(deadlineMs, signal)
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
      const lane = await this.#lanes.acquire({ signal })
      const streamed = new StreamedCall(signal)
      try {
        const number = lane.begin(streamed)
        lane.write(messageFrames(TYPE.request, number, 0, control, data))
        yield* streamed.items()
      } finally {
        streamed.leave()
        if (streamed.ended) this.#lanes.release(lane)
        else lane.abort(new CancelledError())
      }
    } finally {
      this.#streams--
    }
  }

  /** Ends what is under way with `PEER_UNREACHABLE` and closes all streams. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([this.#lanes.close(), this.#session?.close()])
  }

  /** Opened once for all that wait for it, so no single caller can give it up. */
  async #opened(deadlineMs: number, signal: AbortSignal | undefined): Promise<Session> {
    const { clock } = this.#components
    this.#opening ??= this.#open(this.#onSessionClosed, {})
      .then(session => {
        this.#session = session
        return session
      })
      .finally(() => {
        this.#opening = undefined
      })
    const given = Promise.withResolvers<never>()
    const late = () =>
      given.reject(new TimeoutError('No stream to the device was opened in the time of the call.'))
    const left = () => given.reject(reasonOf(signal))
    const timer = clock.setTimer(late, deadlineMs - clock.monotonicMs())
    signal?.addEventListener('abort', left)
    try {
      return await Promise.race([this.#opening, given.promise])
    } finally {
      timer.cancel()
      signal?.removeEventListener('abort', left)
    }
  }

  readonly #onSessionClosed = (session: Session): void => {
    if (this.#session === session) this.#session = undefined
  }

  async #open(onClosed: (session: Session) => void, options: AbortOptions): Promise<Session> {
    const { clock, openStream } = this.#components
    let stream: Stream
    try {
      stream = await openStream(options)
    } catch (err) {
      if (err instanceof LumosError) throw err
      throw new PeerUnreachableError('No stream to the device could be opened.', { cause: err })
    }
    if (this.#closed) {
      const err = new PeerUnreachableError('The connection to the device is closing.')
      stream.abort(err)
      throw err
    }
    const frames = new FrameStream(stream, { clock, inPieces: TYPE.data })
    return new Session(frames, clock, onClosed, bytes => bytes <= ANSWER_BYTES_MAX)
  }
}

const tooMany = (count: number): LumosError =>
  new OverloadedError(`${count} calls to this device are under way.`, RETRY_AFTER_MS)
