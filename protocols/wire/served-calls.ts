/**
 * One stream of a peer, and the calls on it, as the side reads them that serves: each message comes in its time and
 * within limits, each call has a number of its own, and ends once.
 */

import type { Stream } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import {
  CancelledError,
  LumosError,
  PeerUnreachableError,
  ProtocolViolationError,
  toLumosError
} from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { type FrameInit, FrameStream, type FrameStreamOptions } from './frames.ts'
import { FRAME_BYTES_PER_MS_MIN, FRAME_PATIENCE_MS } from './limits.ts'
import { type Message, MessageReader, TYPE } from './messages.ts'
import type { PeerLoad } from './peer-load.ts'

/** A call under way. */
interface ServedCall {
  readonly controller: AbortController
  /** Whether its end has been written. */
  answered: boolean
}

export interface ServedCallsOptions extends Pick<FrameStreamOptions, 'framePatienceMs' | 'writePatienceMs'> {
  readonly clock: Clock
  readonly log: Logger
  /** Of the longest message that is kept; a longer one is dropped within the time of one frame. Absent: any. */
  readonly messageBytesMax?: number
  errorFrames(call: number, thrown: unknown): Iterable<FrameInit>
}

export abstract class ServedCalls<C extends ServedCall> {
  protected readonly frames: FrameStream
  protected readonly load: PeerLoad
  protected readonly calls = new Map<number, C>()
  readonly #options: ServedCallsOptions
  readonly #reader = new MessageReader(bytes => this.#admit(bytes))
  #lastCall = 0
  /** Bytes of the message that is being received, and those of them that are kept. */
  #announced = 0
  #arriving = 0
  /** When the message that is being received must be whole, on the monotonic clock; 0 until that is asked. */
  #dueMs = 0
  #ended = false

  constructor(stream: Stream, load: PeerLoad, options: ServedCallsOptions) {
    this.frames = new FrameStream(stream, { ...options, inPieces: TYPE.data, unsent: load.unsent })
    this.load = load
    this.#options = options
  }

  /** A request, of which `bytes` are kept: to be released once the call has ended, or with `refuse`. */
  protected abstract onRequest(message: Message, bytes: number): void

  async run(): Promise<void> {
    const { frames } = this
    try {
      for (;;) {
        const frame = frames.take() ?? (await frames.read({ owed: this.#reader.partial }))
        if (frame === undefined) break
        const message = this.#reader.push(frame)
        if (message !== undefined) this.#onMessage(message)
        else this.#mustHaste()
      }
      // The dialer closes a stream only when it wants nothing more from it.
      this.end(new PeerUnreachableError('The peer has closed the stream.'))
    } catch (err) {
      const { code, message } = toLumosError(err)
      // A dialer resets a stream to cancel what runs on it: no fault.
      if (code !== 'PEER_UNREACHABLE' && !this.#ended) {
        const { peerId } = this.load
        this.#options.log.warn({ peerId, code, why: message }, 'a stream of calls was reset')
      }
      this.end(toLumosError(err))
    }
  }

  /** The stream is over: nothing of it is worth going on with. */
  end(reason: LumosError): void {
    if (this.#ended) return
    this.#ended = true
    this.load.release(this.#arriving)
    this.#arriving = 0
    for (const { controller } of this.calls.values()) controller.abort(reason)
    if (reason.code === 'PEER_UNREACHABLE') this.frames.close().catch(() => {})
    else this.frames.abort(reason)
  }

  /** The node stops. Where all answers are written, they still leave: a reset may overtake them at the peer. */
  stop(): void {
    const why = 'The node is stopping.'
    this.end(this.calls.size === 0 ? new PeerUnreachableError(why) : new CancelledError(why))
  }

  /** The call is not begun. */
  protected refuse(number: number, bytes: number, thrown: unknown): void {
    this.load.release(bytes)
    const room = this.frames.writeAll(this.#options.errorFrames(number, thrown))
    if (room !== undefined) this.load.refused(room)
  }

  /** Ends the call on the wire at once, and cancels its work. @returns when its error has left, where that takes time. */
  protected fail(number: number, call: C, thrown: unknown): Promise<void> | undefined {
    if (call.answered) return undefined
    call.answered = true
    this.#log(thrown)
    call.controller.abort(thrown)
    try {
      const room = this.frames.writeAll(this.#options.errorFrames(number, thrown))?.catch(() => {})
      this.flushIfAlone()
      return room
    } catch {
      // The stream is gone, and its peer with it.
      return undefined
    }
  }

  /** An answer that shares its stream with others is sent with theirs, at the end of this turn of the event loop. */
  protected flushIfAlone(): void {
    if (this.calls.size === 1) this.frames.flush()
  }

  /** Frames that are whole each in time must not make a message that never is: its bytes are kept meanwhile. */
  #mustHaste(): void {
    const { clock, framePatienceMs = FRAME_PATIENCE_MS } = this.#options
    const nowMs = clock.monotonicMs()
    if (this.#dueMs === 0) this.#dueMs = nowMs + framePatienceMs + this.#announced / FRAME_BYTES_PER_MS_MIN
    if (nowMs < this.#dueMs) return
    throw new LumosError('SLOW_PEER', 'The peer took too long to send a message.')
  }

  #admit(bytes: number): boolean {
    const isShort = bytes <= (this.#options.messageBytesMax ?? Number.POSITIVE_INFINITY)
    this.#announced = isShort ? bytes : 0
    this.#dueMs = 0
    if (!isShort || !this.load.admit(bytes)) return false
    this.#arriving = bytes
    return true
  }

  #onMessage(message: Message): void {
    const { type, call: number } = message
    if (type === TYPE.request) {
      if (number <= this.#lastCall) throw new ProtocolViolationError('The number of a call came twice.')
      this.#lastCall = number
      const bytes = this.#arriving
      this.#arriving = 0
      this.onRequest(message, bytes)
      return
    }
    if (type !== TYPE.cancel) throw new ProtocolViolationError(`There is no message of type ${type}.`)
    if (number > this.#lastCall) {
      throw new ProtocolViolationError('A call was cancelled that was not made.')
    }
    // It may have ended while this was under way.
    const call = this.calls.get(number)
    if (call !== undefined) this.fail(number, call, new CancelledError())
  }

  /** What is sent to the peer about an unexpected failure says nothing, so it is kept here. */
  #log(thrown: unknown): void {
    const err = toLumosError(thrown)
    if (err.code !== 'INTERNAL') return
    this.#options.log.error({ peerId: this.load.peerId, err }, 'a call of a peer failed unexpectedly')
  }
}
