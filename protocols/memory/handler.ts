/** The listener's half: it hears which spaces a peer has, and takes what it wants of them. */

import type { Connection, Stream } from '@libp2p/interface'
import type * as z from 'zod'
import type { Clock } from '../../interface/clock.ts'
import { CancelledError, ProtocolViolationError, toLumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import type { Frame } from '../wire/frame-parser.ts'
import { FrameStream, type FrameStreamOptions } from '../wire/frames.ts'
import { FRAME_BYTES_HARD_MAX } from '../wire/limits.ts'
import {
  type CarriedKey,
  CHARTER_CHAIN_BYTES_MAX,
  Charters,
  CheckpointOf,
  decodeOffer,
  Envelopes,
  encodeHave,
  encodeWant,
  FRAME,
  type Have,
  OFFERS_MAX,
  type Offer,
  OfSpace,
  Pieces,
  type Want
} from './messages.ts'

/** What is done with what one peer sends. The next frame is read when a promise has resolved. */
export interface Feed {
  onOffer(offer: Offer): void
  onCharters(
    space: string,
    records: readonly Uint8Array[],
    key: Uint8Array | null,
    keys: readonly CarriedKey[]
  ): Promise<void>
  onCheckpoint(space: string, record: Uint8Array): Promise<void>
  onPieces(space: string, pieces: readonly Uint8Array[]): Promise<void>
  onEnvelopes(space: string, envelopes: readonly Uint8Array[]): Promise<void>
  onEnd(space: string): void
  onNone(space: string): void
  /** The stream has ended. Called once. */
  onClosed(): void
}

export interface MemoryHandlerComponents {
  readonly clock: Clock
  readonly log: Logger
  /** A peer has opened a stream. */
  feedOf(peerId: string, asker: Asker): Feed | Promise<Feed>
}

/** How a peer is asked for what it has offered. */
export interface Asker {
  want(want: Want): void
  have(have: Have): void
  need(space: string, pieces: readonly Uint8Array[]): void
  abort(err: Error): void
}

export class MemoryHandler {
  readonly #components: MemoryHandlerComponents
  readonly #limits: Pick<FrameStreamOptions, 'framePatienceMs' | 'writePatienceMs'>
  readonly #streams = new Set<FrameStream>()

  constructor(
    components: MemoryHandlerComponents,
    limits: Pick<FrameStreamOptions, 'framePatienceMs' | 'writePatienceMs'> = {}
  ) {
    this.#components = components
    this.#limits = limits
  }

  /** Serve a stream until it ends. Never rejects. */
  readonly onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    const peerId = connection.remotePeer.toString()
    const { clock, log, feedOf } = this.#components
    const frames = new FrameStream(stream, { ...this.#limits, clock })
    this.#streams.add(frames)
    let feed: Feed | undefined
    try {
      const intake = new Intake(frames)
      feed = await feedOf(peerId, intake)
      await intake.run(feed)
      await frames.close()
    } catch (err) {
      const { code, message } = toLumosError(err)
      if (code !== 'PEER_UNREACHABLE')
        log.debug({ peerId, code, why: message }, 'a stream of memory was reset')
      frames.abort(err as Error)
    } finally {
      this.#streams.delete(frames)
      feed?.onClosed()
    }
  }

  /** Resets all streams. */
  close(): void {
    for (const frames of [...this.#streams]) frames.abort(new CancelledError('The node is stopping.'))
  }
}

class Intake implements Asker {
  readonly #frames: FrameStream
  readonly #offered = new Set<string>()
  readonly #wanted = new Set<string>()
  /** Charters of a space that come in several frames: they are checked as one chain. */
  #chain: { readonly space: string; readonly records: Uint8Array[]; bytes: number } | undefined

  constructor(frames: FrameStream) {
    this.#frames = frames
  }

  want(want: Want): void {
    this.#wanted.add(want.space)
    this.#write(FRAME.want, encodeWant(want))
  }

  have(have: Have): void {
    this.#write(FRAME.have, encodeHave(have))
  }

  need(space: string, pieces: readonly Uint8Array[]): void {
    this.#write(FRAME.need, encodeControl({ space, pieces }))
  }

  abort(err: Error): void {
    this.#frames.abort(err)
  }

  async run(feed: Feed): Promise<void> {
    for (;;) {
      const frame = await this.#frames.read({ bytesMax: FRAME_BYTES_HARD_MAX })
      if (frame === undefined) return
      await this.#onFrame(frame, feed)
    }
  }

  #write(type: number, body: Uint8Array): void {
    try {
      // A peer that does not read loses the stream, and the read fails with it.
      this.#frames.writeAll([[type, body]])?.catch(() => {})
    } catch {
      // So it does here.
    }
  }

  #onFrame({ type, body }: Frame, feed: Feed): Promise<void> | undefined {
    switch (type) {
      case FRAME.offer:
        return this.#onOffer(decodeOffer(body), feed)
      case FRAME.charters:
        return this.#onCharters(decodeControl(Charters, body), feed)
      case FRAME.envelopes: {
        const { space, envelopes } = decodeControl(Envelopes, body)
        return feed.onEnvelopes(this.#asked(space), envelopes)
      }
      case FRAME.checkpoint: {
        const { space, record } = decodeControl(CheckpointOf, body)
        return feed.onCheckpoint(this.#asked(space), record)
      }
      case FRAME.pieces: {
        const { space, pieces } = decodeControl(Pieces, body)
        return feed.onPieces(this.#asked(space), pieces)
      }
      case FRAME.end:
        return void feed.onEnd(this.#asked(decodeControl(OfSpace, body).space))
      case FRAME.none: {
        const { space } = decodeControl(OfSpace, body)
        this.#wanted.delete(space)
        return void feed.onNone(space)
      }
      default:
        throw new ProtocolViolationError(`A dialer of memory sends no frame of type ${type}.`)
    }
  }

  #onOffer(offer: Offer, feed: Feed): undefined {
    this.#offered.add(offer.space)
    if (this.#offered.size > OFFERS_MAX)
      throw new ProtocolViolationError(`A peer has offered more than ${OFFERS_MAX} spaces.`)
    feed.onOffer(offer)
  }

  #onCharters(
    { space, records, key, keys = [], last }: z.output<typeof Charters>,
    feed: Feed
  ): Promise<void> | undefined {
    this.#asked(space)
    const chain = this.#chain ?? { space, records: [], bytes: 0 }
    if (chain.space !== space) throw new ProtocolViolationError('Charters of two spaces came mixed.')
    chain.records.push(...records)
    for (const { byteLength } of records) chain.bytes += byteLength
    if (chain.bytes > CHARTER_CHAIN_BYTES_MAX)
      throw new ProtocolViolationError(`Charters of a space are over ${CHARTER_CHAIN_BYTES_MAX} bytes.`)
    this.#chain = last ? undefined : chain
    return last ? feed.onCharters(space, chain.records, key, keys) : undefined
  }

  /** What was not wanted costs its sender the stream. */
  #asked(space: string): string {
    if (this.#wanted.has(space)) return space
    throw new ProtocolViolationError('A peer has sent of a space that it was not asked for.')
  }
}
