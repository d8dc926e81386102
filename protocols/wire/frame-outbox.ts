/**
 * The writing half of a frame stream: frames wait, in order, while the stream holds more
 * than it should, or holds anything while all streams of its peer hold too much. Whatever
 * others hold, a stream that was emptied takes its next frame. The stream's own `onDrain()`
 * resolves at once after its first use, so its length and its events are watched instead.
 */

import type { Stream } from '@libp2p/interface'
import type { Clock, Timer } from '../../interface/clock.ts'
import { CancelledError, PeerUnreachableError } from '../../interface/errors.ts'
import { FrameWriter } from './frame-writer.ts'
import { WRITE_BUFFER_BYTES_HIGH } from './limits.ts'
import type { UnsentBytes } from './unsent-bytes.ts'

/** A frame to be written: its type and its body, in one piece or several. */
export type FrameInit = readonly [type: number, body: Uint8Array | readonly Uint8Array[]]

export interface OutboxOptions {
  readonly clock: Clock
  readonly patienceMs: number
  /** What this stream and others of its peer hold. */
  readonly unsent: UnsentBytes | undefined
  /** The peer has taken nothing for `patienceMs`. */
  onStuck(): void
  /** The stream does not take bytes any more. */
  onLost(err: Error): void
  /** Nothing can follow half a message that was given up. */
  onBroken(err: Error): void
}

/** Frames that must not be parted, and the write that waits for them to be taken. */
interface Entry {
  readonly frames: Iterator<FrameInit>
  /** Taken from `frames` and not yet written. */
  next: FrameInit | undefined
  begun: boolean
  settle(): void
  fail(err: Error): void
}

export class FrameOutbox {
  readonly #stream: Stream
  readonly #options: OutboxOptions
  readonly #writer: FrameWriter
  #entries: Entry[] = []
  #timer: Timer | undefined
  /** Of this stream, as last counted with the others. */
  #counted = 0
  #error: Error | undefined

  constructor(stream: Stream, options: OutboxOptions) {
    this.#stream = stream
    this.#options = options
    this.#writer = new FrameWriter(bytes => this.#send(bytes))
    stream.addEventListener('idle', this.#onRoom)
    stream.addEventListener('drain', this.#onRoom)
  }

  /** See `FrameStream.writeAll`. */
  write(frames: Iterable<FrameInit>, signal?: AbortSignal): Promise<void> | undefined {
    if (this.#error !== undefined) throw this.#error
    if (signal?.aborted) throw new CancelledError(undefined, { cause: signal.reason })
    const iterator = frames[Symbol.iterator]()
    let next = nextOf(iterator)
    let begun = false
    if (this.#entries.length === 0) {
      while (next !== undefined && !this.#full) {
        this.#writer.add(next[0], next[1])
        begun = true
        next = nextOf(iterator)
      }
      if (this.#error !== undefined) throw this.#error
      if (next === undefined && !this.#full) return undefined
    }
    return this.#wait({ frames: iterator, next, begun }, signal)
  }

  flush(): void {
    this.#writer.flush()
  }

  /** Whatever waits, and comes later, fails with `err`. */
  fail(err: Error): void {
    this.#error ??= err
    this.#timer?.cancel()
    this.#count(0)
    for (const entry of this.#entries.splice(0)) entry.fail(this.#error)
  }

  get #full(): boolean {
    const waiting = this.#stream.writeBufferLength
    if (this.#writer.gathered + waiting > WRITE_BUFFER_BYTES_HIGH) return true
    return waiting > 0 && this.#options.unsent?.full === true
  }

  /** Counts what waits here with what waits elsewhere: most sends leave nothing, and change nothing. */
  #count(bytes: number): void {
    const { unsent } = this.#options
    if (unsent === undefined || bytes === this.#counted) return
    unsent.add(bytes - this.#counted)
    this.#counted = bytes
  }

  #send(bytes: Parameters<Stream['send']>[0]): void {
    try {
      this.#stream.send(bytes)
      if (this.#error === undefined) this.#count(this.#stream.writeBufferLength)
    } catch (err) {
      const lost = new PeerUnreachableError('The stream is closed.', { cause: err })
      this.fail(lost)
      this.#options.onLost(lost)
    }
  }

  #wait(
    { frames, next, begun }: Pick<Entry, 'frames' | 'next' | 'begun'>,
    signal: AbortSignal | undefined
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        const err = new CancelledError(undefined, { cause: signal?.reason })
        this.#entries = this.#entries.filter(other => other !== entry)
        entry.fail(err)
        if (entry.begun && entry.next !== undefined) this.#options.onBroken(err)
      }
      const entry: Entry = {
        frames,
        next,
        begun,
        settle: () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
        fail: err => {
          signal?.removeEventListener('abort', onAbort)
          reject(err)
        }
      }
      signal?.addEventListener('abort', onAbort)
      this.#entries.push(entry)
      this.#writer.flush()
      this.#watch()
    })
  }

  readonly #onRoom = (): void => {
    // The stream sends what it holds in a microtask after its `drain` event.
    if (this.#entries.length > 0 || this.#counted > 0) queueMicrotask(this.#writeMore)
  }

  readonly #writeMore = (): void => {
    if (this.#error !== undefined) return
    this.#count(this.#stream.writeBufferLength)
    for (let entry = this.#entries[0]; entry !== undefined && !this.#full; entry = this.#entries[0]) {
      if (entry.next === undefined) {
        this.#entries.shift()
        entry.settle()
      } else {
        this.#writer.add(entry.next[0], entry.next[1])
        entry.begun = true
        entry.next = nextOf(entry.frames)
      }
    }
    // A full stream gets its bytes now: room is only ever reported for bytes sent.
    if (this.#entries.length > 0) this.#writer.flush()
  }

  #watch(): void {
    const first = this.#entries[0]
    if (first === undefined || this.#timer !== undefined) return
    const { next } = first
    const waiting = this.#stream.writeBufferLength
    this.#timer = this.#options.clock.setTimer(() => {
      this.#timer = undefined
      const stuck =
        this.#entries[0] === first && first.next === next && this.#stream.writeBufferLength >= waiting
      if (stuck) this.#options.onStuck()
      else this.#watch()
    }, this.#options.patienceMs)
  }
}

const nextOf = (frames: Iterator<FrameInit>): FrameInit | undefined => frames.next().value
