/**
 * The reading half of a frame stream: it is paused while more has come than was asked for, so a slow reader slows the
 * sender: what lies unread is at most three windows.
 */

import type { Stream, StreamMessageEvent } from '@libp2p/interface'
import type { Clock, Timer } from '../../interface/clock.ts'
import {
  CancelledError,
  LumosError,
  PeerUnreachableError,
  ProtocolViolationError
} from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { type Frame, FrameParser } from './frame-parser.ts'
import { FIRST_FRAME_BYTES_MAX, FRAME_BYTES_MAX, FRAME_BYTES_PER_MS_MIN } from './limits.ts'
import { Pieces } from './pieces.ts'

export interface ReadOptions extends AbortOptions {
  /** Largest body accepted. Default: 16 KiB for the first frame, 256 KiB after it; never above 1 MiB. */
  readonly bytesMax?: number
  /** The peer owes this frame, so that waiting for its first byte counts as slow too. */
  readonly owed?: boolean
}

export interface InboxOptions {
  readonly clock: Clock
  /** How long a frame may take to become whole. */
  readonly patienceMs: number
  /** The type of which a frame may be read as several. */
  readonly inPieces: number | undefined
  /** The stream gives no more bytes. */
  onLost(err: Error): void
  /** The peer sent what is no frame, or too slowly. */
  onBroken(err: Error): void
}

interface Reader {
  readonly bytesMax: number
  readonly owed: boolean
  /** @returns whether it wants no more. @throws {LumosError} for a frame that must not come now. */
  take(frame: Frame): boolean
  /** Nothing more comes, or `err` is why. */
  settle(err?: Error): void
}

export class FrameInbox {
  readonly #stream: Stream
  readonly #options: InboxOptions
  readonly #parser: FrameParser
  #first = true
  #reader: Reader | undefined
  /** Counts frames, so that a timer can tell whether the one it watches is still the same. */
  #framesRead = 0
  #timer: Timer | undefined
  #resumeDue: NodeJS.Immediate | undefined
  #resuming = false
  #error: Error | undefined

  constructor(stream: Stream, options: InboxOptions) {
    this.#stream = stream
    this.#options = options
    this.#parser = new FrameParser(options.inPieces)
    if (stream.readStatus === 'readable') stream.pause()
    stream.addEventListener('message', this.#onMessage)
    stream.addEventListener('end', this.settleIfEnded)
  }

  /** See `FrameStream.take`. */
  take(): Frame | undefined {
    return this.#take(this.#bytesMax)
  }

  /** See `FrameStream.read`. */
  async read(options: ReadOptions): Promise<Frame | undefined> {
    let read: Frame | undefined
    await this.#each(options, frame => {
      read = frame
      return true
    })
    return read
  }

  /** See `FrameStream.fill`. */
  async fill(into: Uint8Array, type: number, options: ReadOptions): Promise<void> {
    const pieces = new Pieces(into, type)
    await this.#each(options, frame => pieces.take(frame))
    if (!pieces.whole) throw new PeerUnreachableError('The peer has closed the stream.')
  }

  /** Hands on frames until one is the last that `take` wants, or no more come; `undefined` where that is so already. */
  #each(
    { signal, owed = false, bytesMax = this.#bytesMax }: ReadOptions,
    take: Reader['take']
  ): Promise<void> | undefined {
    if (signal?.aborted) throw new CancelledError(undefined, { cause: signal.reason })
    if (this.#reader !== undefined) throw new Error('A read is already waiting on this stream.')
    if (this.#drain(take, bytesMax)) return undefined

    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const settle = (err?: Error): void => {
      this.#reader = undefined
      signal?.removeEventListener('abort', onAbort)
      if (err === undefined) resolve()
      else reject(err)
    }
    const onAbort = (): void => settle(new CancelledError(undefined, { cause: signal?.reason }))
    this.#reader = { bytesMax, owed, take, settle }
    signal?.addEventListener('abort', onAbort)
    this.#watch()
    if (this.#stream.readStatus === 'paused' || this.#stream.readableEnded) this.#resumeSoon()
    return promise
  }

  /** @returns whether a frame that has come is the last that `take` wants. */
  #drain(take: Reader['take'], bytesMax: number): boolean {
    for (let frame = this.#take(bytesMax); frame !== undefined; frame = this.#take(bytesMax)) {
      try {
        if (take(frame)) return true
      } catch (err) {
        this.#options.onBroken(err as Error)
        throw err
      }
    }
    return false
  }

  /** A read that waits for what does not come any more has its end. */
  readonly settleIfEnded = (): void => {
    const reader = this.#reader
    if (reader === undefined) return
    const { status, readableEnded } = this.#stream
    // A reset, or an abort of the whole connection, ends the stream before it closes it.
    if (status === 'reset' || status === 'aborted') this.#options.onLost(wasReset())
    else if (this.#error !== undefined) reader.settle(this.#error)
    else if (!readableEnded) return
    else if (!this.#parser.partial) reader.settle()
    else this.#options.onBroken(this.#cutShort())
  }

  /** The read that waits, and those that come later, fail with `err`. */
  fail(err: Error): void {
    if (this.#error !== undefined) return
    this.#error = err
    this.#timer?.cancel()
    this.#reader?.settle(err)
  }

  get #bytesMax(): number {
    return this.#first ? FIRST_FRAME_BYTES_MAX : FRAME_BYTES_MAX
  }

  #take(bytesMax: number): Frame | undefined {
    if (this.#error !== undefined) throw this.#error
    let frame: Frame | undefined
    try {
      frame = this.#parser.take(bytesMax)
    } catch (err) {
      this.#options.onBroken(err as Error)
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
      // More has come than was asked for.
      if (!this.#resuming && this.#stream.readStatus === 'readable') this.#stream.pause()
      return
    }
    try {
      if (this.#drain(reader.take, reader.bytesMax)) reader.settle()
      else this.#watch()
    } catch (err) {
      reader.settle(err as Error)
    }
  }

  /** Half a frame and then silence: the peer's doing if the connection still stands, else the connection's. */
  #cutShort(): LumosError {
    return this.#stream.status === 'open'
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
    if (this.#stream.readStatus === 'paused') this.#resume()
    this.settleIfEnded()
    this.#watch()
  }

  /**
   * A stream that resumes hands over what was unread, and is not paused meanwhile: Yamux would be told to
   * pause and then to go on, and top up a window that nothing empties until the stream is cut off.
   */
  #resume(): void {
    this.#resuming = true
    try {
      this.#stream.resume()
    } catch {
      // The connection is gone, so the window update that follows what was
      // unread cannot be sent. What was unread has been delivered by then.
    }
    this.#resuming = false
  }

  /** One timer at a time, checked when it fires, costs less than one per frame. */
  #watch(): void {
    const reader = this.#reader
    if (reader === undefined || this.#timer !== undefined) return
    if (!reader.owed && !this.#parser.partial) return
    const watched = this.#framesRead
    const { clock, patienceMs, onBroken } = this.#options
    this.#timer = clock.setTimer(
      () => {
        this.#timer = undefined
        if (this.#reader === undefined) return
        if (this.#framesRead !== watched) this.#watch()
        else onBroken(new LumosError('SLOW_PEER', 'The peer took too long to send a frame.'))
      },
      patienceMs + this.#parser.partialBytes / FRAME_BYTES_PER_MS_MIN
    )
  }
}

export const wasReset = (cause?: Error): LumosError =>
  new PeerUnreachableError('The peer has reset the stream.', { cause })
