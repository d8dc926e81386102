/** One stream of a peer, and the calls on it: each is read, allowed, served, and ends once. */

import type { Stream } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import {
  CancelledError,
  EngineFailedError,
  LumosError,
  OverloadedError,
  PeerUnreachableError,
  ProtocolViolationError,
  toLumosError
} from '../../interface/errors.ts'
import type { Inference, InferenceRequest, PreparedRequest } from '../../interface/inference.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { prepare } from '../../interface/prepare.ts'
import { FrameStream, type FrameStreamOptions } from '../wire/frames.ts'
import { FRAME_BYTES_PER_MS_MIN, FRAME_PATIENCE_MS } from '../wire/limits.ts'
import { type Message, MessageReader, TYPE } from '../wire/messages.ts'
import type { LoadLimits, PeerLoad } from '../wire/peer-load.ts'
import { decodeRequest, errorFrames } from './codec.ts'
import { ServedCall } from './served-call.ts'

/** What a peer at its limit is told: by then some of its own calls have ended. */
const RETRY_AFTER_MS = 100

export interface InferenceHandlerComponents {
  readonly service: Inference
  readonly clock: Clock
  readonly log: Logger
  /**
   * Throws when the peer may not ask this. Called for each request, when it comes and
   * again when it runs: a right may be lost while a stream is open or a request waits.
   */
  authorize?(peerId: string, request: InferenceRequest): void
  /** A request was accepted. */
  onStarted?(peerId: string, request: InferenceRequest): void
  /** The work on it is over; with what was thrown when it was not answered. */
  onEnded?(peerId: string, request: InferenceRequest, durationMs: number, thrown?: unknown): void
}

export interface InferenceHandlerLimits
  extends LoadLimits,
    Pick<FrameStreamOptions, 'framePatienceMs' | 'writePatienceMs'> {}

export class ServedStream {
  readonly #frames: FrameStream
  readonly #load: PeerLoad
  readonly #components: InferenceHandlerComponents
  readonly #reader: MessageReader
  readonly #calls = new Map<number, ServedCall>()
  #lastCall = 0
  /** Bytes of the message that is being received, and those of them that are kept. */
  #announced = 0
  #arriving = 0
  /** When the message that is being received must be whole, on the monotonic clock; 0 until that is asked. */
  #dueMs = 0
  readonly #patienceMs: number
  #ended = false

  constructor(
    stream: Stream,
    load: PeerLoad,
    components: InferenceHandlerComponents,
    limits: InferenceHandlerLimits
  ) {
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
      // The dialer closes a stream only when it wants nothing more from it.
      this.end(new PeerUnreachableError('The peer has closed the stream.'))
    } catch (err) {
      const { code, message } = toLumosError(err)
      // A dialer resets a stream to cancel what runs on it: no fault.
      if (code !== 'PEER_UNREACHABLE' && !this.#ended) {
        const { peerId } = this.#load
        this.#components.log.warn({ peerId, code, why: message }, 'an inference stream was reset')
      }
      this.end(toLumosError(err))
    }
  }

  /** Calls that `allowed` throws at end with what it throws; the others go on. */
  recheck(allowed: (peerId: string, request: InferenceRequest) => void): void {
    for (const [number, call] of this.#calls) {
      try {
        if (call.request !== undefined) allowed(this.#load.peerId, call.request)
      } catch (thrown) {
        this.#fail(number, call, thrown)
      }
    }
  }

  /** Answers that their askers can have another device go on with end with `err`. */
  handOver(err: LumosError): { readonly peerId: string; readonly request: InferenceRequest }[] {
    const moved = [...this.#calls].filter(([, { request }]) => request?.movable === true)
    for (const [number, call] of moved) this.#fail(number, call, err)
    return moved.map(([, { request }]) => ({ peerId: this.#load.peerId, request: request! }))
  }

  /** The stream is over: nothing of it is worth going on with. */
  end(reason: LumosError): void {
    if (this.#ended) return
    this.#ended = true
    this.#load.release(this.#arriving)
    this.#arriving = 0
    for (const { controller } of this.#calls.values()) controller.abort(reason)
    if (reason.code === 'PEER_UNREACHABLE') this.#frames.close().catch(() => {})
    else this.#frames.abort(reason)
  }

  /** The node stops. Where all answers are written, they still leave: a reset may overtake them at the peer. */
  stop(): void {
    const why = 'The node is stopping.'
    this.end(this.#calls.size === 0 ? new PeerUnreachableError(why) : new CancelledError(why))
  }

  /** Frames that are whole each in time must not make a message that never is: its bytes are kept meanwhile. */
  #mustHaste(): void {
    const nowMs = this.#components.clock.monotonicMs()
    if (this.#dueMs === 0) this.#dueMs = nowMs + this.#patienceMs + this.#announced / FRAME_BYTES_PER_MS_MIN
    if (nowMs < this.#dueMs) return
    throw new LumosError('SLOW_PEER', 'The peer took too long to send a message.')
  }

  #admit(bytes: number): boolean {
    this.#announced = bytes
    this.#dueMs = 0
    if (!this.#load.admit(bytes)) return false
    this.#arriving = bytes
    return true
  }

  readonly #authorize = (request: InferenceRequest): void =>
    this.#components.authorize?.(this.#load.peerId, request)

  #onMessage(message: Message): void {
    const { type, call: number } = message
    if (type === TYPE.request) {
      this.#onRequest(message)
      return
    }
    if (type !== TYPE.cancel) throw new ProtocolViolationError(`There is no message of type ${type}.`)
    if (number > this.#lastCall) {
      throw new ProtocolViolationError('A call was cancelled that was not made.')
    }
    // It may have ended while this was under way.
    const call = this.#calls.get(number)
    if (call !== undefined) this.#fail(number, call, new CancelledError())
  }

  #onRequest({ call: number, control, data }: Message): void {
    if (number <= this.#lastCall) throw new ProtocolViolationError('The number of a call came twice.')
    this.#lastCall = number
    const call = new ServedCall(this.#load.peerId, this.#arriving, this.#authorize)
    this.#arriving = 0
    let request: PreparedRequest
    try {
      if (data === undefined || !this.#load.mayCall) {
        throw new OverloadedError('This peer has too many calls under way.', RETRY_AFTER_MS)
      }
      const asked = decodeRequest(control, data)
      this.#authorize(asked)
      request = prepare(asked)
      call.request = request
    } catch (err) {
      this.#load.release(call.bytes)
      this.#refuse(number, err)
      return
    }
    this.#calls.set(number, call)
    this.#load.calls++
    void this.#serve(number, request, call)
  }

  #refuse(number: number, thrown: unknown): void {
    const room = this.#frames.writeAll(errorFrames(number, thrown))
    if (room !== undefined) this.#load.refused(room)
  }

  async #serve(number: number, request: PreparedRequest, call: ServedCall): Promise<void> {
    const { clock, onStarted, onEnded } = this.#components
    const { peerId } = this.#load
    const beganMs = clock.monotonicMs()
    let failure: unknown
    onStarted?.(peerId, request)
    try {
      for await (const chunk of this.#components.service.infer(request, call)) {
        if (call.answered) return
        const room = this.#frames.writeAll(call.frames(number, chunk))
        if (call.answered) this.#flushIfAlone()
        if (room !== undefined) await room
      }
      if (!call.answered) throw new EngineFailedError('The answer ended without being finished.')
    } catch (err) {
      failure = err
      this.#fail(number, call, err)
    } finally {
      this.#calls.delete(number)
      this.#load.calls--
      this.#load.release(call.bytes)
      // A cancellation has ended the call before the loop sees it.
      if (call.signal.aborted) failure = call.signal.reason
      onEnded?.(peerId, request, clock.monotonicMs() - beganMs, failure)
    }
  }

  /** Ends the call on the wire at once, and cancels its work. */
  #fail(number: number, call: ServedCall, thrown: unknown): void {
    if (call.answered) return
    call.answered = true
    this.#log(thrown)
    call.controller.abort(thrown)
    try {
      this.#frames.writeAll(errorFrames(number, thrown))?.catch(() => {})
      this.#flushIfAlone()
    } catch {
      // The stream is gone: there is nobody left to tell.
    }
  }

  /** An answer that shares its stream with others is sent with theirs, at the end of this turn of the event loop. */
  #flushIfAlone(): void {
    if (this.#calls.size === 1) this.#frames.flush()
  }

  /** What is sent to the peer about an unexpected failure says nothing, so it is kept here. */
  #log(thrown: unknown): void {
    const err = toLumosError(thrown)
    if (err.code !== 'INTERNAL') return
    this.#components.log.error({ peerId: this.#load.peerId, err }, 'a served request failed unexpectedly')
  }
}
