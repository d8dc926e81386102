/** One stream of a peer, and the calls of units on it: each is read, served, and ends once. */

import type { Stream } from '@libp2p/interface'
import type { Clock, Timer } from '../../interface/clock.ts'
import {
  CancelledError,
  LumosError,
  OverloadedError,
  PeerUnreachableError,
  ProtocolViolationError,
  TimeoutError,
  toLumosError
} from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { UnitCall } from '../../interface/remote.ts'
import { FrameStream, type FrameStreamOptions } from '../wire/frames.ts'
import { FRAME_PATIENCE_MS } from '../wire/limits.ts'
import { type Message, MessageReader, TYPE } from '../wire/messages.ts'
import type { PeerLoad } from '../wire/peer-load.ts'
import {
  decodeRequest,
  doneFrames,
  endFrames,
  errorFrames,
  itemFrames,
  REQUEST_BYTES_MAX,
  type UnitRequest
} from './codec.ts'

const RETRY_AFTER_MS = 100

export interface UnitHandlerComponents {
  readonly clock: Clock
  readonly log: Logger
  readonly units: ServedUnits
}

/** What answers calls of peers. */
export interface ServedUnits {
  execute(peerId: string, call: UnitCall, signal: AbortSignal): Promise<unknown>
  /** Asked again for each piece whether the peer may still have it: a right may be lost while a stream is open. */
  stream(peerId: string, call: UnitCall, signal: AbortSignal): AsyncIterable<unknown>
}

export type UnitHandlerLimits = Pick<FrameStreamOptions, 'framePatienceMs' | 'writePatienceMs'>

class ServedCall {
  readonly controller = new AbortController()
  /** Whether its end has been written. */
  answered = false
  timer: Timer | undefined
  /** Its error waits to be read. */
  unread: Promise<void> | undefined
}

export class ServedStream {
  readonly #frames: FrameStream
  readonly #load: PeerLoad
  readonly #components: UnitHandlerComponents
  readonly #patienceMs: number
  readonly #reader: MessageReader
  readonly #calls = new Map<number, ServedCall>()
  #lastCall = 0
  /** Bytes of the message that is being received and kept, and when it must be whole; 0 until that is asked. */
  #arriving = 0
  #dueMs = 0
  #ended = false

  constructor(stream: Stream, load: PeerLoad, components: UnitHandlerComponents, limits: UnitHandlerLimits) {
    const { clock } = components
    this.#frames = new FrameStream(stream, { ...limits, clock, inPieces: TYPE.data, unsent: load.unsent })
    this.#load = load
    this.#components = components
    this.#patienceMs = limits.framePatienceMs ?? FRAME_PATIENCE_MS
    this.#reader = new MessageReader(bytes => this.#admit(bytes))
  }

  async run(): Promise<void> {
    const frames = this.#frames
    try {
      for (;;) {
        const frame = frames.take() ?? (await frames.read({ owed: this.#reader.partial }))
        if (frame === undefined) break
        const message = this.#reader.push(frame)
        if (message !== undefined) this.#onMessage(message)
        else this.#mustHaste()
      }
      this.end(new PeerUnreachableError('The peer has closed the stream.'))
    } catch (err) {
      const { code, message } = toLumosError(err)
      if (code !== 'PEER_UNREACHABLE' && !this.#ended) {
        const { peerId } = this.#load
        this.#components.log.warn({ peerId, code, why: message }, 'a stream of units was reset')
      }
      this.end(toLumosError(err))
    }
  }

  /** The stream is over: what runs for it is cancelled. */
  end(reason: LumosError): void {
    if (this.#ended) return
    this.#ended = true
    this.#load.release(this.#arriving)
    this.#arriving = 0
    for (const { controller } of this.#calls.values()) controller.abort(reason)
    if (reason.code === 'PEER_UNREACHABLE') this.#frames.close().catch(() => {})
    else this.#frames.abort(reason)
  }

  /** The node stops. */
  stop(): void {
    const why = 'The node is stopping.'
    this.end(this.#calls.size === 0 ? new PeerUnreachableError(why) : new CancelledError(why))
  }

  /** A message is small, so its frames have the time of one. */
  #mustHaste(): void {
    const nowMs = this.#components.clock.monotonicMs()
    if (this.#dueMs === 0) this.#dueMs = nowMs + this.#patienceMs
    else if (nowMs >= this.#dueMs) throw new LumosError('SLOW_PEER', 'The peer took too long to send a call.')
  }

  #admit(bytes: number): boolean {
    this.#dueMs = 0
    // More is dropped as it comes, and not for long.
    if (bytes > REQUEST_BYTES_MAX || !this.#load.admit(bytes)) return false
    this.#arriving = bytes
    return true
  }

  #onMessage(message: Message): void {
    const { type, call: number } = message
    if (type === TYPE.request) {
      this.#onRequest(message)
      return
    }
    if (type !== TYPE.cancel) throw new ProtocolViolationError(`There is no message of type ${type}.`)
    if (number > this.#lastCall) throw new ProtocolViolationError('A call was cancelled that was not made.')
    const call = this.#calls.get(number)
    if (call !== undefined) this.#fail(number, call, new CancelledError())
  }

  #onRequest({ call: number, control, data }: Message): void {
    if (number <= this.#lastCall) throw new ProtocolViolationError('The number of a call came twice.')
    this.#lastCall = number
    const bytes = this.#arriving
    this.#arriving = 0
    let request: UnitRequest
    try {
      if (!this.#load.mayCall)
        throw new OverloadedError('This peer has too many calls under way.', RETRY_AFTER_MS)
      if (data === undefined) throw new LumosError('INPUT_TOO_LARGE', 'The input of the call is too large.')
      request = decodeRequest(control, data)
    } catch (err) {
      this.#load.release(bytes)
      const room = this.#frames.writeAll(errorFrames(number, err))
      if (room !== undefined) this.#load.refused(room)
      return
    }
    const call = new ServedCall()
    this.#calls.set(number, call)
    this.#load.calls++
    void this.#serve(number, request, call, bytes)
  }

  async #serve(number: number, request: UnitRequest, call: ServedCall, bytes: number): Promise<void> {
    const { units, clock } = this.#components
    const { peerId } = this.#load
    const { signal } = call.controller
    try {
      if (request.stream) {
        let sent = 0
        for await (const item of units.stream(peerId, request, signal)) {
          if (call.answered) return
          await this.#frames.writeAll(itemFrames(number, sent++, item))
        }
        await this.#answer(call, () => endFrames(number, sent))
      } else {
        const late = () =>
          this.#fail(number, call, new TimeoutError('The unit did not end in the time of the call.'))
        call.timer = clock.setTimer(late, request.budgetMs)
        const answer = await units.execute(peerId, request, signal)
        await this.#answer(call, () => doneFrames(number, 0, answer))
      }
    } catch (err) {
      this.#fail(number, call, err)
    } finally {
      call.timer?.cancel()
      // An error that is not read goes on counting as a call, too.
      if (call.unread !== undefined) await call.unread
      this.#calls.delete(number)
      this.#load.calls--
      this.#load.release(bytes)
    }
  }

  /** An answer that is not read goes on counting as a call. */
  #answer(call: ServedCall, framesOf: () => Iterable<readonly [number, Uint8Array | readonly Uint8Array[]]>) {
    if (call.answered) return undefined
    const frames = framesOf()
    call.answered = true
    const room = this.#frames.writeAll(frames)
    this.#flushIfAlone()
    return room
  }

  /** Ends the call on the wire at once; what works on it is cancelled. */
  #fail(number: number, call: ServedCall, thrown: unknown): void {
    if (call.answered) return
    call.answered = true
    const err = toLumosError(thrown)
    if (err.code === 'INTERNAL') {
      this.#components.log.error({ peerId: this.#load.peerId, err }, 'a unit failed unexpectedly for a peer')
    }
    call.controller.abort(thrown)
    try {
      call.unread = this.#frames.writeAll(errorFrames(number, thrown))?.catch(() => {})
      this.#flushIfAlone()
    } catch {
      // The stream is gone.
    }
  }

  /** An answer that shares its stream with others is sent with theirs, at the end of this turn of the event loop. */
  #flushIfAlone(): void {
    if (this.#calls.size === 1) this.#frames.flush()
  }
}
