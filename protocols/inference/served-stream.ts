/** Requests of a peer on one stream: each is allowed, prepared and served. */

import type { Stream } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import { EngineFailedError, type LumosError, OverloadedError } from '../../interface/errors.ts'
import type { Inference, InferenceRequest, PreparedRequest } from '../../interface/inference.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { prepare } from '../../interface/prepare.ts'
import type { Message } from '../wire/messages.ts'
import type { LoadLimits, PeerLoad } from '../wire/peer-load.ts'
import { ServedCalls, type ServedCallsOptions } from '../wire/served-calls.ts'
import { decodeRequest, errorFrames } from './codec.ts'
import { ServedCall } from './served-call.ts'

/** By then some of the peer's own calls have ended. */
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
    Pick<ServedCallsOptions, 'framePatienceMs' | 'writePatienceMs'> {}

export class ServedStream extends ServedCalls<ServedCall> {
  readonly #components: InferenceHandlerComponents

  constructor(
    stream: Stream,
    load: PeerLoad,
    components: InferenceHandlerComponents,
    limits: InferenceHandlerLimits
  ) {
    super(stream, load, { ...limits, clock: components.clock, log: components.log, errorFrames })
    this.#components = components
  }

  /** Calls that `allowed` throws at end with what it throws; the others go on. */
  recheck(allowed: (peerId: string, request: InferenceRequest) => void): void {
    for (const [number, call] of this.calls) {
      try {
        if (call.request !== undefined) allowed(this.load.peerId, call.request)
      } catch (thrown) {
        this.fail(number, call, thrown)
      }
    }
  }

  /** Answers that their askers can have another device go on with end with `err`. */
  handOver(err: LumosError): { readonly peerId: string; readonly request: InferenceRequest }[] {
    const moved = [...this.calls].filter(([, { request }]) => request?.movable === true)
    for (const [number, call] of moved) this.fail(number, call, err)
    return moved.map(([, { request }]) => ({ peerId: this.load.peerId, request: request! }))
  }

  readonly #authorize = (request: InferenceRequest): void =>
    this.#components.authorize?.(this.load.peerId, request)

  protected onRequest({ call: number, control, data }: Message, bytes: number): void {
    const call = new ServedCall(this.load.peerId, bytes, this.#authorize)
    let request: PreparedRequest
    try {
      if (data === undefined || !this.load.mayCall) {
        throw new OverloadedError('This peer has too many calls under way.', RETRY_AFTER_MS)
      }
      const asked = decodeRequest(control, data)
      this.#authorize(asked)
      request = prepare(asked)
      call.request = request
    } catch (err) {
      this.refuse(number, bytes, err)
      return
    }
    this.calls.set(number, call)
    this.load.calls++
    void this.#serve(number, request, call)
  }

  async #serve(number: number, request: PreparedRequest, call: ServedCall): Promise<void> {
    const { clock, onStarted, onEnded } = this.#components
    const { peerId } = this.load
    const beganMs = clock.monotonicMs()
    let failure: unknown
    onStarted?.(peerId, request)
    try {
      for await (const chunk of this.#components.service.infer(request, call)) {
        if (call.answered) return
        const room = this.frames.writeAll(call.frames(number, chunk))
        if (call.answered) this.flushIfAlone()
        if (room !== undefined) await room
      }
      if (!call.answered) throw new EngineFailedError('The answer ended without being finished.')
    } catch (err) {
      failure = err
      this.fail(number, call, err)
    } finally {
      this.calls.delete(number)
      this.load.calls--
      this.load.release(call.bytes)
      // A cancellation has ended the call before the loop sees it.
      if (call.signal.aborted) failure = call.signal.reason
      onEnded?.(peerId, request, clock.monotonicMs() - beganMs, failure)
    }
  }
}
