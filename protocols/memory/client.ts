/** The dialer's half: it offers spaces, and sends what the listener wants of them. */

import type { Stream } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import { ProtocolViolationError, toLumosError } from '../../interface/errors.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import type { Frame } from '../wire/frame-parser.ts'
import { type FrameInit, FrameStream, type FrameStreamOptions } from '../wire/frames.ts'
import {
  BATCH_ENVELOPES_MAX,
  batches,
  type CarriedKey,
  decodeHave,
  decodeWant,
  encodeOffer,
  FRAME,
  type Have,
  Need,
  type Offer,
  WANT_BYTES_MAX,
  type Want
} from './messages.ts'

export interface Askings {
  onWant(want: Want): void
  onHave(have: Have): void
  /** Of the checkpoint that was sent: these pieces. The next frame is read when this has resolved. */
  onNeed(space: string, pieces: readonly Uint8Array[]): Promise<void>
  /** Called once. */
  onClosed(err: Error | undefined): void
}

export interface MemoryClientOptions extends Pick<FrameStreamOptions, 'framePatienceMs' | 'writePatienceMs'> {
  readonly clock: Clock
}

export class MemoryClient {
  readonly #frames: FrameStream
  #askings: Askings | undefined
  #closed = false

  constructor(stream: Stream, options: MemoryClientOptions) {
    this.#frames = new FrameStream(stream, options)
  }

  /** To be called once: from now on the listener is heard. */
  serve(askings: Askings): void {
    this.#askings = askings
    void this.#run(askings)
  }

  offer(offer: Offer): void {
    this.#write([[FRAME.offer, encodeOffer(offer)]])
  }

  charters(
    space: string,
    records: readonly Uint8Array[],
    key: Uint8Array | null,
    keys: readonly CarriedKey[] = []
  ): void {
    const parts = [...batches(records)]
    if (parts.length === 0) parts.push([])
    this.#write(
      parts.map((records, i): FrameInit => {
        const last = i === parts.length - 1
        const sealed = last && keys.length > 0 && { keys }
        return [FRAME.charters, encodeControl({ space, records, key: last ? key : null, ...sealed, last })]
      })
    )
  }

  checkpoint(space: string, record: Uint8Array): void {
    this.#write([[FRAME.checkpoint, encodeControl({ space, record })]])
  }

  /** Resolves when there is room for more. */
  async pieces(space: string, pieces: readonly Uint8Array[]): Promise<void> {
    for (const batch of batches(pieces))
      await this.#frames.writeAll([[FRAME.pieces, encodeControl({ space, pieces: batch })]])
  }

  /** Resolves when there is room for more. */
  async envelopes(space: string, envelopes: readonly Uint8Array[]): Promise<void> {
    for (const batch of batches(envelopes, BATCH_ENVELOPES_MAX)) {
      await this.#frames.writeAll([[FRAME.envelopes, encodeControl({ space, envelopes: batch })]])
    }
    // What is new leaves with the next of this turn otherwise; that costs a live edit a millisecond.
    if (envelopes.length < LIVE_MAX) this.#frames.flush()
  }

  end(space: string): void {
    this.#write([[FRAME.end, encodeControl({ space })]])
  }

  none(space: string): void {
    this.#write([[FRAME.none, encodeControl({ space })]])
  }

  async close(): Promise<void> {
    await this.#frames.close()
  }

  abort(err: Error): void {
    this.#frames.abort(err)
    this.#ended(err)
  }

  /** Small frames: the listener that does not read them loses the stream. */
  #write(frames: readonly FrameInit[]): void {
    if (this.#closed) return
    try {
      this.#frames.writeAll(frames)?.catch(() => {})
    } catch {
      // The read has lost the stream too.
    }
  }

  async #run(askings: Askings): Promise<void> {
    try {
      for (;;) {
        const frame = this.#frames.take() ?? (await this.#frames.read({ bytesMax: WANT_BYTES_MAX }))
        if (frame === undefined) break
        await onFrame(frame, askings)
      }
      await this.#frames.close()
      this.#ended(undefined)
    } catch (err) {
      this.abort(toLumosError(err))
    }
  }

  #ended(err: Error | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.#askings?.onClosed(err)
  }
}

function onFrame({ type, body }: Frame, askings: Askings): Promise<void> | undefined {
  if (type === FRAME.want) askings.onWant(decodeWant(body))
  else if (type === FRAME.have) askings.onHave(decodeHave(body))
  else if (type === FRAME.need) {
    const { space, pieces } = decodeControl(Need, body)
    return askings.onNeed(space, pieces)
  } else throw new ProtocolViolationError(`A listener of memory sends no frame of type ${type}.`)
  return undefined
}

/** Fewer than these were written just now, and are not what was missing. */
const LIVE_MAX = 8
