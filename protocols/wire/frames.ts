/**
 * A libp2p stream cut into frames, with back-pressure in both directions: `frame-inbox.ts` reads, and
 * `frame-outbox.ts` writes. A peer that stops halfway through a frame, or stops reading, loses the stream.
 */

import type { Stream, StreamCloseEvent } from '@libp2p/interface'
import { type Clock, systemClock } from '../../interface/clock.ts'
import { LumosError, PeerUnreachableError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { FrameInbox, type ReadOptions, wasReset } from './frame-inbox.ts'
import { type FrameInit, FrameOutbox } from './frame-outbox.ts'
import type { Frame } from './frame-parser.ts'
import { FRAME_PATIENCE_MS, WRITE_PATIENCE_MS } from './limits.ts'
import type { UnsentBytes } from './unsent-bytes.ts'

export type { ReadOptions } from './frame-inbox.ts'
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

export class FrameStream {
  readonly stream: Stream
  readonly #clock: Clock
  readonly #writePatienceMs: number
  readonly #inbox: FrameInbox
  readonly #outbox: FrameOutbox

  constructor(stream: Stream, options: FrameStreamOptions = {}) {
    this.stream = stream
    this.#clock = options.clock ?? systemClock
    this.#writePatienceMs = options.writePatienceMs ?? WRITE_PATIENCE_MS
    const onLost = (err: Error): void => this.#fail(err)
    const onBroken = (err: Error): void => this.abort(err)
    this.#outbox = new FrameOutbox(stream, {
      clock: this.#clock,
      patienceMs: this.#writePatienceMs,
      unsent: options.unsent,
      onStuck: () => this.abort(slowReader()),
      onLost,
      onBroken
    })
    this.#inbox = new FrameInbox(stream, {
      clock: this.#clock,
      patienceMs: options.framePatienceMs ?? FRAME_PATIENCE_MS,
      inPieces: options.inPieces,
      onLost,
      onBroken
    })
    stream.addEventListener('close', this.#onClose)
  }

  /** The next frame if it has arrived already; never waits. */
  take(): Frame | undefined {
    return this.#inbox.take()
  }

  /**
   * The next frame; undefined when the peer has closed its side after a whole one.
   * One read at a time. A read given up loses no bytes.
   *
   * @throws {LumosError} `FRAME_TOO_LARGE`, `SLOW_PEER`, `PROTOCOL_VIOLATION`, `PEER_UNREACHABLE`: the stream is lost.
   */
  read(options: ReadOptions = {}): Promise<Frame | undefined> {
    return this.#inbox.read(options)
  }

  /**
   * Fills `into` with the bodies of the next frames, all of one type, which come in pieces: without a promise for each.
   *
   * @throws {LumosError} as `read` does; `PROTOCOL_VIOLATION` where another frame comes, or the last one is too long.
   */
  fill(into: Uint8Array, type: number, options: ReadOptions = {}): Promise<void> {
    return this.#inbox.fill(into, type, options)
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

  /** Reset the stream: what waits on it fails with `err`. */
  abort(err: Error): void {
    this.#fail(err)
    this.stream.abort(err)
  }

  readonly #onClose = (event: StreamCloseEvent): void => {
    if (event.error !== undefined) {
      this.#fail(wasReset(event.error))
    } else {
      this.#outbox.fail(new PeerUnreachableError('The peer has closed the stream.'))
      this.#inbox.settleIfEnded()
    }
  }

  #fail(err: Error): void {
    this.#inbox.fail(err)
    this.#outbox.fail(err)
  }
}

const slowReader = (): LumosError => new LumosError('SLOW_PEER', 'The peer has stopped reading.')
