/**
 * A libp2p stream cut into frames, with back-pressure in both directions.
 *
 * The stream is paused when more comes than was asked for, so a slow reader slows
 * the sender: what lies unread is at most three windows. A write waits while the
 * stream's own buffer is above a mark (see `frame-outbox.ts`).
 * A peer that stops halfway through a frame, or stops reading, loses the stream.
 */

import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface'
import { type Clock, systemClock, type Timer } from '../../interface/clock.ts'
import {
  CancelledError,
  LumosError,
  PeerUnreachableError,
  ProtocolViolationError
} from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { type FrameInit, FrameOutbox } from './frame-outbox.ts'
import { type Frame, FrameParser } from './frame-parser.ts'
import {
  FIRST_FRAME_BYTES_MAX,
  FRAME_BYTES_MAX,
  FRAME_BYTES_PER_MS_MIN,
  FRAME_PATIENCE_MS,
  WRITE_PATIENCE_MS
} from './limits.ts'
import type { UnsentBytes } from './unsent-bytes.ts'

export type { FrameInit } from './frame-outbox.ts'
export type { Frame } from './frame-parser.ts'

export interface FrameStreamOptions {
  readonly clock?: Clock
  /** The type of which a frame may be read as several, each with what has come so far. */
  readonly inPieces?: number
  readonly framePatienceMs?: number
  readonly writePatienceMs?: number
  /** Where what waits to be sent is counted, with that of other streams. */
  readonly unsent?: UnsentBytes
}

export interface ReadOptions extends AbortOptions {
  /** Largest body accepted. Default: 16 KiB for the first frame, 256 KiB after it; never above 1 MiB. */
  readonly bytesMax?: number
  /** The peer owes this frame, so that waiting for its first byte counts as slow too. */
  readonly owed?: boolean
}

interface Reader {
  readonly bytesMax: number
  readonly owed: boolean
  settle(frame: Frame | undefined): void
  fail(err: Error): void
}

export class FrameStream {
  readonly stream: Stream
  readonly #clock: Clock
  readonly #framePatienceMs: number
  readonly #writePatienceMs: number

  readonly #parser: FrameParser
  #first = true
  #reader: Reader | undefined
  /** Counts frames, so that a timer can tell whether the one it watches is still the same. */
  #framesRead = 0
  #readTimer: Timer | undefined
  #resumeDue: NodeJS.Immediate | undefined
  #resuming = false

  readonly #outbox: FrameOutbox
  #error: Error | undefined

  constructor(stream: Stream, options: FrameStreamOptions = {}) {
    this.stream = stream
    this.#parser = new FrameParser(options.inPieces)
    this.#clock = options.clock ?? systemClock
    this.#framePatienceMs = options.framePatienceMs ?? FRAME_PATIENCE_MS
    this.#writePatienceMs = options.writePatienceMs ?? WRITE_PATIENCE_MS
    this.#outbox = new FrameOutbox(stream, {
      clock: this.#clock,
      patienceMs: this.#writePatienceMs,
      unsent: options.unsent,
      onStuck: () => this.abort(slowReader()),
      onLost: err => this.#fail(err),
      onBroken: err => this.abort(err)
    })

    if (stream.readStatus === 'readable') stream.pause()
    stream.addEventListener('message', this.#onMessage)
    stream.addEventListener('end', this.#onEnd)
    stream.addEventListener('close', this.#onClose)
  }

  /** The next frame if it has arrived already; never waits. */
  take(): Frame | undefined {
    return this.#take(this.#first ? FIRST_FRAME_BYTES_MAX : FRAME_BYTES_MAX)
  }

  /**
   * The next frame; undefined when the peer has closed its side after a whole one.
   * One read at a time. A read given up loses no bytes.
   *
   * @throws {LumosError} `FRAME_TOO_LARGE`, `SLOW_PEER`, `PROTOCOL_VIOLATION`, `PEER_UNREACHABLE`: the stream is lost.
   */
  async read(options: ReadOptions = {}): Promise<Frame | undefined> {
    const { signal, owed = false } = options
    const bytesMax = options.bytesMax ?? (this.#first ? FIRST_FRAME_BYTES_MAX : FRAME_BYTES_MAX)
    if (signal?.aborted) throw new CancelledError(undefined, { cause: signal.reason })
    const frame = this.#take(bytesMax)
    if (frame !== undefined) return frame
    if (this.#reader !== undefined) throw new Error('A read is already waiting on this stream.')

    return await new Promise((resolve, reject) => {
      const onAbort = (): void => reader.fail(new CancelledError(undefined, { cause: signal?.reason }))
      const done = (): void => {
        this.#reader = undefined
        signal?.removeEventListener('abort', onAbort)
      }
      const reader: Reader = {
        bytesMax,
        owed,
        settle: frame => {
          done()
          resolve(frame)
        },
        fail: err => {
          done()
          reject(err)
        }
      }
      this.#reader = reader
      signal?.addEventListener('abort', onAbort)
      this.#watchRead()
      if (this.stream.readStatus === 'paused' || this.stream.readableEnded) this.#resumeSoon()
    })
  }

  /** Write one frame. Resolves when there is room for the next. */
  async write(type: number, body: Uint8Array | readonly Uint8Array[], options?: AbortOptions): Promise<void> {
    await this.writeAll([[type, body]], options)
  }

  /**
   * Write frames with none of another write between them. Waits until there is room for the next:
   * `undefined` when there is already, since a promise would cost as much as a small frame.
   * Given up before its first frame was taken, a write leaves no trace; later, the stream is lost.
   *
   * @throws {LumosError} `SLOW_PEER` when the peer stops reading, `PEER_UNREACHABLE` when the stream is gone.
   */
  writeAll(frames: Iterable<FrameInit>, { signal }: AbortOptions = {}): Promise<void> | undefined {
    return this.#outbox.write(frames, signal)
  }

  /** Send what was written at once instead of at the end of this turn of the event loop. */
  flush(): void {
    this.#outbox.flush()
  }

  /** Close our side after all that was written. The peer may go on sending until it closes its own. */
  async close(options: AbortOptions = {}): Promise<void> {
    this.flush()
    const late = new AbortController()
    const timer = this.#clock.setTimer(() => late.abort(), this.#writePatienceMs)
    const signal = options.signal === undefined ? late.signal : AbortSignal.any([late.signal, options.signal])
    try {
      await this.stream.close({ signal })
    } catch (err) {
      this.abort(late.signal.aborted ? slowReader() : (err as Error))
    } finally {
      timer.cancel()
    }
  }

  /** Reset the stream: whatever waits on it fails with `err`. */
  abort(err: Error): void {
    this.#fail(err)
    this.stream.abort(err)
  }

  #take(bytesMax: number): Frame | undefined {
    if (this.#error !== undefined) throw this.#error
    let frame: Frame | undefined
    try {
      frame = this.#parser.take(bytesMax)
    } catch (err) {
      this.abort(err as Error)
      throw err
    }
    if (frame === undefined) return undefined
    this.#first = false
    // A piece is no progress: a frame has its time to become whole.
    if (!this.#parser.partial) this.#framesRead++
    return frame
  }

  readonly #onMessage = (event: StreamMessageEvent): void => {
    if (event.data instanceof Uint8Array) this.#parser.push(event.data)
    else for (const chunk of event.data) this.#parser.push(chunk)

    const reader = this.#reader
    if (reader === undefined) {
      // More has come than anybody asked for.
      if (!this.#resuming && this.stream.readStatus === 'readable') this.stream.pause()
      return
    }
    try {
      const frame = this.#take(reader.bytesMax)
      if (frame === undefined) this.#watchRead()
      else reader.settle(frame)
    } catch (err) {
      reader.fail(err as Error)
    }
  }

  readonly #onEnd = (): void => this.#settleIfEnded()

  readonly #onClose = (event: StreamCloseEvent): void => {
    if (event.error !== undefined) {
      this.#fail(wasReset(event.error))
    } else {
      this.#outbox.fail(new PeerUnreachableError('The peer has closed the stream.'))
      this.#settleIfEnded()
    }
  }

  #settleIfEnded(): void {
    const reader = this.#reader
    if (reader === undefined) return
    // A reset, or an abort of the whole connection, ends the stream before it closes it.
    if (this.stream.status === 'reset' || this.stream.status === 'aborted') this.#fail(wasReset())
    else if (this.#error !== undefined) reader.fail(this.#error)
    else if (!this.stream.readableEnded) return
    else if (!this.#parser.partial) reader.settle(undefined)
    else this.abort(this.#cutShort())
  }

  /** Half a frame and then silence: the peer's doing if the connection still stands, else the connection's. */
  #cutShort(): LumosError {
    return this.stream.status === 'open'
      ? new ProtocolViolationError('The stream ended inside a frame.')
      : new PeerUnreachableError('The connection was lost inside a frame.')
  }

  /**
   * A stream that flows again tells its peer so, in a send of its own. At the end of the turn of the event
   * loop, that comes after what the frames just read may have us answer, not before it.
   */
  #resumeSoon(): void {
    this.#resumeDue ??= setImmediate(this.#onTurnEnd)
  }

  readonly #onTurnEnd = (): void => {
    this.#resumeDue = undefined
    if (this.#reader === undefined) return
    if (this.stream.readStatus === 'paused') this.#resume()
    this.#settleIfEnded()
    this.#watchRead()
  }

  /**
   * A stream that resumes hands over what was unread, and is not paused meanwhile: Yamux would be told to
   * pause and then to go on, and top up a window that nobody empties until the stream is cut off.
   */
  #resume(): void {
    this.#resuming = true
    try {
      this.stream.resume()
    } catch {
      // The connection is gone, so the window update that follows what was
      // unread cannot be sent. What was unread has been delivered by then.
    }
    this.#resuming = false
  }

  /** One timer at a time, checked when it fires, costs less than one per frame. */
  #watchRead(): void {
    const reader = this.#reader
    if (reader === undefined || this.#readTimer !== undefined) return
    if (!reader.owed && !this.#parser.partial) return
    const watched = this.#framesRead
    const patienceMs = this.#framePatienceMs + this.#parser.partialBytes / FRAME_BYTES_PER_MS_MIN
    this.#readTimer = this.#clock.setTimer(() => {
      this.#readTimer = undefined
      if (this.#reader === undefined) return
      if (this.#framesRead === watched) {
        this.abort(new LumosError('SLOW_PEER', 'The peer took too long to send a frame.'))
      } else {
        this.#watchRead()
      }
    }, patienceMs)
  }

  #fail(err: Error): void {
    if (this.#error !== undefined) return
    this.#error = err
    this.#readTimer?.cancel()
    this.#reader?.fail(err)
    this.#outbox.fail(err)
  }
}

const wasReset = (cause?: Error): LumosError =>
  new PeerUnreachableError('The peer has reset the stream.', { cause })

const slowReader = (): LumosError => new LumosError('SLOW_PEER', 'The peer has stopped reading.')
