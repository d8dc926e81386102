/** The dialer's half: one remote peer, as an `Inference`. */

import type { Stream } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import { CancelledError, toLumosError } from '../../interface/errors.ts'
import type { Inference, InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { definitionOf } from '../../interface/tasks/index.ts'
import type { Detached } from '../wire/control.ts'
import { INFERENCE_STREAMS_OUTBOUND_MAX } from '../wire/limits.ts'
import { messageFrames, TYPE } from '../wire/messages.ts'
import { PeerSessions } from '../wire/peer-sessions.ts'
import type { Session } from '../wire/session.ts'
import { RemoteCall } from './call.ts'
import { encodeRequest } from './codec.ts'

/** Calls with more input than this would hold up the small ones they share a stream with. */
const SESSION_INPUT_BYTES_MAX = 64 * 1024
/** Calls the listener takes at once on a stream; see the handler. */
const SESSION_CALLS_MAX = 256
/** The listener ends a call whose budget ran out and says so; this is how long it may take to. */
export const GRACE_MS = 500

export interface InferenceClientComponents {
  readonly clock: Clock
  /** Opens a stream of `INFERENCE_PROTOCOL` to the peer. */
  openStream(options: AbortOptions): Promise<Stream>
}

export class InferenceClient implements Inference {
  readonly #clock: Clock
  readonly #sessions: PeerSessions

  constructor({ clock, openStream }: InferenceClientComponents) {
    this.#clock = clock
    this.#sessions = new PeerSessions({ clock, openStream, lanesMax: INFERENCE_STREAMS_OUTBOUND_MAX - 1 })
  }

  /**
   * See {@link Inference.infer}. Besides what the peer reports, throws `PEER_UNREACHABLE` when
   * the stream is lost. A failure after the first chunk has `details.received`.
   */
  infer(request: PreparedRequest, { signal }: AbortOptions = {}): AsyncIterable<InferenceChunk> {
    const deadlineMs = this.#clock.monotonicMs() + request.budgetMs + GRACE_MS
    return new RemoteCall(request, deadlineMs, signal, this.#start)
  }

  /** Ends what is under way with `PEER_UNREACHABLE` and closes all streams. */
  async close(): Promise<void> {
    await this.#sessions.close()
  }

  readonly #start = (call: RemoteCall): void => {
    try {
      const { session } = this.#sessions
      if (!isSmall(call.request) || (session !== undefined && session.size >= SESSION_CALLS_MAX)) {
        void this.#startLater(call, 'lane')
      } else if (session !== undefined) {
        this.#runOnSession(call, session, call.request)
      } else {
        void this.#startLater(call, 'session')
      }
    } catch (err) {
      call.fail(toLumosError(err))
    }
  }

  async #startLater(call: RemoteCall, kind: 'session' | 'lane'): Promise<void> {
    const clock = this.#clock
    const waiting = new AbortController()
    call.run({ ended() {}, cancel: err => waiting.abort(err), reset: err => waiting.abort(err) })
    const timer = clock.setTimer(() => call.onExpired(), call.deadlineMs - clock.monotonicMs())
    try {
      const session =
        kind === 'lane'
          ? await this.#sessions.lanes.acquire({ signal: waiting.signal })
          : await this.#sessions.shared()
      // What was waited is gone from the budget.
      const budgetMs = Math.max(1, call.deadlineMs - GRACE_MS - clock.monotonicMs())
      const request = { ...call.request, budgetMs }
      if (kind === 'session') this.#runOnSession(call, session, request)
      else this.#runOnLane(call, session, request)
    } catch (err) {
      call.fail(toLumosError(err))
    } finally {
      timer.cancel()
    }
  }

  #runOnSession(call: RemoteCall, session: Session, request: PreparedRequest): void {
    if (call.over) return
    const { control, data } = encodeRequest(request)
    const number = session.begin(call)
    call.run({ ended() {}, cancel: () => session.cancel(number), reset: err => session.abort(err) })
    session.write(messageFrames(TYPE.request, number, 0, control, data))
  }

  #runOnLane(call: RemoteCall, lane: Session, request: PreparedRequest): void {
    if (call.over) {
      this.#sessions.lanes.release(lane)
      return
    }
    const { control, data } = this.#encodedFor(lane, request)
    let written = false
    const number = lane.begin(call)
    call.run({
      // Refused before the request was all sent: the rest of it is not worth sending.
      ended: () => (written ? this.#sessions.lanes.release(lane) : lane.abort(new CancelledError())),
      cancel: err => lane.abort(err),
      reset: err => lane.abort(err)
    })
    lane.write(messageFrames(TYPE.request, number, 0, control, data), () => {
      written = true
    })
  }

  /** @throws what `encodeRequest` throws; the lane is then another call's. */
  #encodedFor(lane: Session, request: PreparedRequest): Detached {
    try {
      return encodeRequest(request)
    } catch (err) {
      this.#sessions.lanes.release(lane)
      throw err
    }
  }
}

/** Whether a call may share a stream: its input and its answer hold up no other. */
function isSmall({ task, input }: PreparedRequest): boolean {
  const { pieces, sizeOf } = definitionOf(task)
  return pieces === undefined && sizeOf(input) <= SESSION_INPUT_BYTES_MAX
}
