/**
 * The listener's half: requests of peers, answered by this node's own service.
 *
 * Calls are bounded by how many a peer has under way, not by how many a second: a
 * thousand small calls in a second are honest work when each is quick, and the
 * service behind this refuses, with a time to come back, what its engines cannot
 * take. What a peer can make this node hold is bounded by calls and bytes.
 */

import type { Connection, Stream } from '@libp2p/interface'
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
import type { InferenceRequest, InferenceService, ServeOptions } from '../../interface/inference.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { FrameStream, type FrameStreamOptions } from '../frames.ts'
import {
  ATTACHMENT_BYTES_MAX,
  FRAME_BYTES_HARD_MAX,
  FRAME_BYTES_PER_MS_MIN,
  FRAME_PATIENCE_MS,
  UNSENT_BYTES_MAX,
  UNSENT_BYTES_PER_PEER_MAX
} from '../limits.ts'
import { type Message, MessageReader, TYPE } from '../messages.ts'
import { UnsentBytes } from '../unsent-bytes.ts'
import { chunkFrames, decodeRequest, errorFrames } from './codec.ts'

/** Under way for one peer at once, on all its streams: what a session and all lanes may hold, so a dialer of ours is never refused here. */
const CALLS_PER_PEER_MAX = 512
/** Input of calls under way: one request of the largest size, or many small ones. */
const INPUT_BYTES_PER_PEER_MAX = ATTACHMENT_BYTES_MAX + FRAME_BYTES_HARD_MAX
/** Of all peers together: what a node of 1 GiB can hold without swapping. Members are few, so a fixed share each would waste it. */
const INPUT_BYTES_MAX = 256 * 1024 * 1024
/**
 * Refusals that one peer leaves unread. Its streams are read on meanwhile, so that nothing of what it goes on
 * sending is held; one of our dialers has fewer calls under way than are refused at all.
 */
const REFUSALS_UNREAD_MAX = 512
/** What a peer at its limit is told: by then some of its own calls have ended. */
const RETRY_AFTER_MS = 100

export interface InferenceHandlerComponents {
  readonly service: InferenceService
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
  extends Pick<FrameStreamOptions, 'framePatienceMs' | 'writePatienceMs'> {
  readonly callsPerPeerMax?: number
  readonly inputBytesPerPeerMax?: number
  readonly inputBytesMax?: number
}

/** What one peer has under way. */
interface Load {
  /** What all peers together have. */
  readonly total: { bytes: number }
  readonly peerId: string
  /** Of answers, on all its streams. */
  readonly unsent: UnsentBytes
  streams: number
  calls: number
  /** Of input. */
  bytes: number
  refusalsUnread: number
}

export class InferenceHandler {
  readonly #components: InferenceHandlerComponents
  readonly #limits: InferenceHandlerLimits
  readonly #loads = new Map<string, Load>()
  readonly #streams = new Set<ServedStream>()
  readonly #total = { bytes: 0 }
  readonly #unsent = new UnsentBytes(UNSENT_BYTES_MAX)

  constructor(components: InferenceHandlerComponents, limits: InferenceHandlerLimits = {}) {
    this.#components = components
    this.#limits = limits
  }

  /** Serve a stream until it ends. Never rejects. */
  readonly onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    const peerId = connection.remotePeer.toString()
    const load = this.#loads.get(peerId) ?? this.#newLoad(peerId)
    this.#loads.set(peerId, load)
    load.streams++
    const served = new ServedStream(stream, load, this.#components, this.#limits)
    this.#streams.add(served)
    try {
      await served.run()
    } finally {
      this.#streams.delete(served)
      // Calls that still unwind count until they have, so their peer stays in the table.
      load.streams--
      for (const [id, { streams, calls }] of this.#loads) {
        if (streams === 0 && calls === 0) this.#loads.delete(id)
      }
    }
  }

  #newLoad(peerId: string): Load {
    const unsent = new UnsentBytes(UNSENT_BYTES_PER_PEER_MAX, this.#unsent)
    return { total: this.#total, peerId, unsent, streams: 0, calls: 0, bytes: 0, refusalsUnread: 0 }
  }

  /** Ends what is under way for peers that `allowed` throws at: rights were taken away. */
  recheck(allowed: (peerId: string, request: InferenceRequest) => void): void {
    for (const served of this.#streams) served.recheck(allowed)
  }

  /** Resets all streams and gives up what is under way on them. */
  close(): void {
    for (const served of [...this.#streams]) served.end(new CancelledError('The node is stopping.'))
  }
}

/** One request under way. */
class ServedCall implements ServeOptions {
  readonly controller = new AbortController()
  readonly signal = this.controller.signal
  readonly askedBy: string
  /** Of input, counted against its peer. */
  readonly bytes: number
  /** Whether the end of its answer has been written. */
  answered = false

  /** What is asked, once it is known. */
  request: InferenceRequest | undefined
  readonly #authorize: (request: InferenceRequest) => void

  constructor(askedBy: string, bytes: number, authorize: (request: InferenceRequest) => void) {
    this.askedBy = askedBy
    this.bytes = bytes
    this.#authorize = authorize
  }

  mayRun(): void {
    if (this.request !== undefined) this.#authorize(this.request)
  }
}

class ServedStream {
  readonly #frames: FrameStream
  readonly #load: Load
  readonly #components: InferenceHandlerComponents
  readonly #callsMax: number
  readonly #bytesMax: number
  readonly #totalBytesMax: number
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
    load: Load,
    components: InferenceHandlerComponents,
    limits: InferenceHandlerLimits
  ) {
    const { clock } = components
    this.#frames = new FrameStream(stream, { ...limits, clock, inPieces: TYPE.data, unsent: load.unsent })
    this.#load = load
    this.#components = components
    this.#callsMax = limits.callsPerPeerMax ?? CALLS_PER_PEER_MAX
    this.#bytesMax = limits.inputBytesPerPeerMax ?? INPUT_BYTES_PER_PEER_MAX
    this.#totalBytesMax = limits.inputBytesMax ?? INPUT_BYTES_MAX
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
      // A dialer resets a stream to cancel what runs on it; that is no news.
      if (code !== 'PEER_UNREACHABLE' && !this.#ended) {
        this.#components.log.warn({ peerId: this.#load.peerId, code }, `inference stream reset: ${message}`)
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

  /** The stream is over: nothing of it is worth going on with. */
  end(reason: LumosError): void {
    if (this.#ended) return
    this.#ended = true
    this.#release(this.#arriving)
    this.#arriving = 0
    for (const { controller } of this.#calls.values()) controller.abort(reason)
    if (reason.code === 'PEER_UNREACHABLE') this.#frames.close().catch(() => {})
    else this.#frames.abort(reason)
  }

  /** Frames that are whole each in time must not make a message that never is: its bytes are kept meanwhile. */
  #mustHaste(): void {
    const nowMs = this.#components.clock.monotonicMs()
    if (this.#dueMs === 0) this.#dueMs = nowMs + this.#patienceMs + this.#announced / FRAME_BYTES_PER_MS_MIN
    if (nowMs < this.#dueMs) return
    throw new LumosError('SLOW_PEER', 'The peer took too long to send a message.')
  }

  #admit(bytes: number): boolean {
    const load = this.#load
    this.#announced = bytes
    this.#dueMs = 0
    if (load.bytes > 0 && load.bytes + bytes > this.#bytesMax) return false
    if (load.total.bytes + bytes > this.#totalBytesMax) return false
    load.bytes += bytes
    load.total.bytes += bytes
    this.#arriving = bytes
    return true
  }

  #release(bytes: number): void {
    this.#load.bytes -= bytes
    this.#load.total.bytes -= bytes
  }

  readonly #authorize = (request: InferenceRequest): void =>
    this.#components.authorize?.(this.#load.peerId, request)

  #onMessage(message: Message): void {
    const { type, call: number, control } = message
    if (type === TYPE.request) {
      this.#onRequest(message)
      return
    }
    if (type !== TYPE.cancel) throw new ProtocolViolationError(`There is no message of type ${type}.`)
    if (number > this.#lastCall || control.byteLength > 0) {
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
    let request: InferenceRequest
    try {
      if (data === undefined || this.#load.calls >= this.#callsMax) {
        throw new OverloadedError('This peer has too many calls under way.', RETRY_AFTER_MS)
      }
      request = decodeRequest(control, data)
      this.#authorize(request)
      call.request = request
    } catch (err) {
      this.#release(call.bytes)
      this.#refuse(number, err)
      return
    }
    this.#calls.set(number, call)
    this.#load.calls++
    void this.#serve(number, request, call)
  }

  #refuse(number: number, thrown: unknown): void {
    const load = this.#load
    const room = this.#frames.writeAll(errorFrames(number, thrown))
    if (room === undefined) return
    load.refusalsUnread++
    const taken = (): void => void load.refusalsUnread--
    room.then(taken, taken)
    if (load.refusalsUnread > REFUSALS_UNREAD_MAX) {
      throw new LumosError('SLOW_PEER', 'The peer asks on and on and reads no answer.')
    }
  }

  async #serve(number: number, request: InferenceRequest, call: ServedCall): Promise<void> {
    const { clock, onStarted, onEnded } = this.#components
    const { peerId } = this.#load
    const beganMs = clock.monotonicMs()
    let failure: unknown
    onStarted?.(peerId, request)
    try {
      for await (const chunk of this.#components.service.infer(request, call)) {
        if (call.answered) return
        call.answered = chunk.type === 'done'
        const room = this.#frames.writeAll(chunkFrames(number, chunk))
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
      this.#release(call.bytes)
      // Whoever cancelled has ended the call before the loop sees it.
      if (call.signal.aborted) failure = call.signal.reason
      onEnded?.(peerId, request, clock.monotonicMs() - beganMs, failure)
    }
  }

  /** Ends the call on the wire at once; whoever works on it is told to stop. */
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
