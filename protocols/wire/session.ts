/**
 * The dialer's half of a stream of calls: many calls, told apart by number, on one stream.
 *
 * Shared by all small calls to a peer it is a *session*; used by one call at a time
 * it is a *lane* (see `lanes.ts`). The wire is the same, and the listener need not know.
 * The listener ends every call exactly once, a cancelled one too, so both sides always
 * know which numbers are in use.
 */

import type { Clock, Timer } from '../../interface/clock.ts'
import {
  LumosError,
  PeerUnreachableError,
  ProtocolViolationError,
  toLumosError
} from '../../interface/errors.ts'
import type { FrameInit, FrameStream } from './frames.ts'
import { type Message, MessageReader, messageFrames, TYPE } from './messages.ts'

/** Numbers are 32 bits; a session that used them up is replaced. */
const CALLS_EVER_MAX = 0xffff_ffff
/** A listener ends a cancelled call at once, whatever its engine does; one that does not is broken. */
const CANCEL_PATIENCE_MS = 30_000

/** What a call does with what comes for it. */
export interface Call {
  /** On the clock's monotonic time; `onExpired` is called when it has passed. */
  readonly deadlineMs: number
  /** Return a promise to hold the whole stream until there is room for more. */
  onMessage(message: Message): Promise<void> | undefined
  /** The stream is gone: no more will come. */
  onLost(err: LumosError): void
  onExpired(): void
}

export class Session {
  readonly #frames: FrameStream
  readonly #clock: Clock
  readonly #onClosed: (session: Session) => void
  readonly #reader: MessageReader
  readonly #calls = new Map<number, Call>()
  #lastCall = 0
  #closed = false
  #timer: Timer | undefined
  #timerMs = Number.POSITIVE_INFINITY

  /**
   * @param onClosed called once, when no more calls can be made here.
   * @param admit whether to keep a message of so many bytes; of any other a call gets the head alone.
   */
  constructor(
    frames: FrameStream,
    clock: Clock,
    onClosed: (session: Session) => void = () => {},
    admit?: (bytes: number) => boolean
  ) {
    this.#frames = frames
    this.#clock = clock
    this.#onClosed = onClosed
    this.#reader = new MessageReader(admit)
    void this.#run()
  }

  /** Whether a call may be begun here. */
  get usable(): boolean {
    return !this.#closed && this.#lastCall < CALLS_EVER_MAX
  }

  /** Calls the listener has not ended. */
  get size(): number {
    return this.#calls.size
  }

  /**
   * Take a number for `call`. What comes under it goes to `call` until it is ended or cancelled.
   *
   * @throws {LumosError} `PEER_UNREACHABLE` when the stream was lost: no frame would tell the call so.
   */
  begin(call: Call): number {
    if (this.#closed) throw new PeerUnreachableError('The session is closed.')
    const number = ++this.#lastCall
    this.#calls.set(number, call)
    if (call.deadlineMs < this.#timerMs) this.#arm(call.deadlineMs)
    return number
  }

  /**
   * Write what asks for a call. Alone on its stream it shares no send, so it leaves at once.
   * A write that fails has lost the stream, and every call fails.
   *
   * @param onWritten called when all of it was taken.
   */
  write(frames: Iterable<FrameInit>, onWritten?: () => void): void {
    try {
      const room = this.#frames.writeAll(frames)
      if (room === undefined) onWritten?.()
      else room.then(onWritten, () => {})
      if (this.#calls.size === 1) this.#frames.flush()
    } catch {
      // As said above.
    }
  }

  /** The answer is not wanted any more. */
  cancel(number: number): void {
    if (!this.#calls.has(number)) return
    const deadlineMs = this.#clock.monotonicMs() + CANCEL_PATIENCE_MS
    this.#calls.set(number, {
      deadlineMs,
      onMessage: () => undefined,
      onLost: () => {},
      onExpired: () => this.abort(new LumosError('SLOW_PEER', 'The peer did not end a cancelled call.'))
    })
    if (deadlineMs < this.#timerMs) this.#arm(deadlineMs)
    this.write(messageFrames(TYPE.cancel, number, 0, NOTHING))
  }

  /** Close the stream once what was written has left. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#lost(new PeerUnreachableError('The session was closed.'))
    await this.#frames.close()
  }

  /** Reset the stream: the listener stops all work for it. */
  abort(err: Error): void {
    this.#frames.abort(err)
    this.#lost(toLumosError(err))
  }

  async #run(): Promise<void> {
    const frames = this.#frames
    try {
      for (;;) {
        const frame = frames.take() ?? (await frames.read({ owed: this.#reader.partial }))
        if (frame === undefined) break
        const message = this.#reader.push(frame)
        const room = message && this.#deliver(message)
        if (room !== undefined) await room
      }
      this.#lost(new PeerUnreachableError('The peer has closed the session.'))
      await frames.close()
    } catch (err) {
      this.abort(err as Error)
    }
  }

  #deliver(message: Message): Promise<void> | undefined {
    const call = this.#calls.get(message.call)
    if (call === undefined)
      throw new ProtocolViolationError('The peer answered a call that is not under way.')
    if (message.type === TYPE.done || message.type === TYPE.error) this.#calls.delete(message.call)
    return call.onMessage(message)
  }

  #lost(err: LumosError): void {
    if (this.#closed) return
    this.#closed = true
    this.#timer?.cancel()
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    this.#onClosed(this)
    for (const call of calls) call.onLost(err)
  }

  /** One timer for all calls, left armed when its call ends early: a timer per call costs more than a small call. */
  #arm(deadlineMs: number): void {
    if (this.#closed) return
    this.#timer?.cancel()
    this.#timerMs = deadlineMs
    this.#timer = this.#clock.setTimer(this.#expire, Math.max(0, deadlineMs - this.#clock.monotonicMs()))
  }

  readonly #expire = (): void => {
    const nowMs = this.#clock.monotonicMs()
    this.#timerMs = Number.POSITIVE_INFINITY
    for (const call of [...this.#calls.values()]) {
      if (call.deadlineMs <= nowMs) call.onExpired()
    }
    let nextMs = Number.POSITIVE_INFINITY
    for (const call of this.#calls.values()) nextMs = Math.min(nextMs, call.deadlineMs)
    if (nextMs < this.#timerMs) this.#arm(nextMs)
  }
}

const NOTHING = new Uint8Array(0)
