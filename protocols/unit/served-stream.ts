/** Calls of units by a peer on one stream. */

import type { Stream } from '@libp2p/interface'
import type { Clock, Timer } from '../../interface/clock.ts'
import { LumosError, OverloadedError, TimeoutError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { UnitCall } from '../../interface/remote.ts'
import type { Message } from '../wire/messages.ts'
import type { PeerLoad } from '../wire/peer-load.ts'
import { ServedCalls, type ServedCallsOptions } from '../wire/served-calls.ts'
import {
  decodeRequest,
  doneFrames,
  endFrames,
  errorFrames,
  itemFrames,
  REQUEST_BYTES_MAX,
  type UnitRequest
} from './codec.ts'

/** By then some of the peer's own calls have ended. */
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

export type UnitHandlerLimits = Pick<ServedCallsOptions, 'framePatienceMs' | 'writePatienceMs'>

class ServedCall {
  readonly controller = new AbortController()
  /** Whether its end has been written. */
  answered = false
  timer: Timer | undefined
  /** Its error waits to be read. */
  unread: Promise<void> | undefined
}

export class ServedStream extends ServedCalls<ServedCall> {
  readonly #components: UnitHandlerComponents

  constructor(stream: Stream, load: PeerLoad, components: UnitHandlerComponents, limits: UnitHandlerLimits) {
    const { clock, log } = components
    super(stream, load, { ...limits, clock, log, errorFrames, messageBytesMax: REQUEST_BYTES_MAX })
    this.#components = components
  }

  protected onRequest({ call: number, control, data }: Message, bytes: number): void {
    let request: UnitRequest
    try {
      if (!this.load.mayCall)
        throw new OverloadedError('This peer has too many calls under way.', RETRY_AFTER_MS)
      if (data === undefined) throw new LumosError('INPUT_TOO_LARGE', 'The input of the call is too large.')
      request = decodeRequest(control, data)
    } catch (err) {
      this.refuse(number, bytes, err)
      return
    }
    const call = new ServedCall()
    this.calls.set(number, call)
    this.load.calls++
    void this.#serve(number, request, call, bytes)
  }

  async #serve(number: number, request: UnitRequest, call: ServedCall, bytes: number): Promise<void> {
    const { units, clock } = this.#components
    const { peerId } = this.load
    const { signal } = call.controller
    try {
      if (request.stream) {
        let sent = 0
        for await (const item of units.stream(peerId, request, signal)) {
          if (call.answered) return
          await this.frames.writeAll(itemFrames(number, sent++, item))
        }
        await this.#answer(call, () => endFrames(number, sent))
      } else {
        const late = () =>
          this.fail(number, call, new TimeoutError('The unit did not end in the time of the call.'))
        call.timer = clock.setTimer(late, request.budgetMs)
        const answer = await units.execute(peerId, request, signal)
        await this.#answer(call, () => doneFrames(number, 0, answer))
      }
    } catch (err) {
      this.fail(number, call, err)
    } finally {
      call.timer?.cancel()
      // An error that is not read goes on counting as a call, too.
      if (call.unread !== undefined) await call.unread
      this.calls.delete(number)
      this.load.calls--
      this.load.release(bytes)
    }
  }

  /** An answer that is not read goes on counting as a call. */
  #answer(call: ServedCall, framesOf: () => Iterable<readonly [number, Uint8Array | readonly Uint8Array[]]>) {
    if (call.answered) return undefined
    const frames = framesOf()
    call.answered = true
    const room = this.frames.writeAll(frames)
    this.flushIfAlone()
    return room
  }

  /** The error goes on counting as a call, too, until it has left. */
  protected override fail(number: number, call: ServedCall, thrown: unknown): Promise<void> | undefined {
    if (call.answered) return undefined
    call.unread = super.fail(number, call, thrown)
    return call.unread
  }
}
