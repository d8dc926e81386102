/**
 * Bytes in, frames out: varint length of the body, one type byte, body.
 *
 * It keeps what the last push brought and one unfinished frame, whose body is
 * filled in place: a peer that sends byte by byte costs the same memory as one
 * that sends at once, and no byte is looked at twice. Frames of one type, the
 * bulk, can be handed on in pieces as they come, which saves bulk a copy.
 */

import { LumosError, ProtocolViolationError } from '../../interface/errors.ts'
import { allocate } from './bytes.ts'
import { FRAME_BYTES_HARD_MAX } from './limits.ts'

export interface Frame {
  readonly type: number
  /** A view, often into the bytes as they arrived: copy what outlives the call. */
  readonly body: Uint8Array
}

/** Four bytes of seven bits: 256 MiB, far above every limit. */
const LENGTH_BYTES_MAX = 4

export class FrameParser {
  readonly #inPieces: number | undefined
  #chunks: Uint8Array[] = []
  #next = 0
  #chunk: Uint8Array | undefined
  #offset = 0

  #length = 0
  #lengthBytes = 0
  #lengthKnown = false
  #type: number | undefined
  #body: Uint8Array | undefined
  #filled = 0

  /** @param inPieces the type of which every frame may come as several, one after the other. */
  constructor(inPieces?: number) {
    this.#inPieces = inPieces
  }

  /** Whether a frame has begun and is not whole yet. */
  get partial(): boolean {
    return this.#lengthBytes > 0
  }

  /** Bytes the unfinished frame will have; 0 while that is unknown. */
  get partialBytes(): number {
    return this.#lengthKnown ? this.#length : 0
  }

  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return
    if (this.#chunk === undefined) {
      this.#chunk = chunk
      this.#offset = 0
    } else {
      this.#chunks.push(chunk)
    }
  }

  /**
   * The next whole frame, or undefined when more bytes are needed.
   *
   * @throws {LumosError} `FRAME_TOO_LARGE` as soon as the length is known, before a byte of the body is kept.
   * @throws {ProtocolViolationError} when the length is not a minimal varint of at most four bytes.
   */
  take(bytesMax: number): Frame | undefined {
    while (this.#chunk !== undefined) {
      const chunk = this.#chunk
      if (!this.#lengthKnown) {
        this.#readLength(chunk[this.#offset++]!, bytesMax)
      } else if (this.#type === undefined) {
        this.#type = chunk[this.#offset++]!
      } else {
        this.#fill(chunk)
      }
      const frame = this.#finish()
      if (this.#offset === this.#chunk.byteLength) this.#advance()
      if (frame !== undefined) return frame
    }
    return undefined
  }

  #readLength(byte: number, bytesMax: number): void {
    this.#length += (byte & 0x7f) * 2 ** (7 * this.#lengthBytes++)
    if (byte < 0x80) {
      if (byte === 0 && this.#lengthBytes > 1) {
        throw new ProtocolViolationError('The length of a frame is not minimal.')
      }
      this.#lengthKnown = true
      const limit = Math.min(bytesMax, FRAME_BYTES_HARD_MAX)
      if (this.#length > limit) {
        throw new LumosError(
          'FRAME_TOO_LARGE',
          `A frame of ${this.#length} bytes is over the limit of ${limit}.`
        )
      }
    } else if (this.#lengthBytes === LENGTH_BYTES_MAX) {
      throw new ProtocolViolationError('The length of a frame has more than four bytes.')
    }
  }

  #fill(chunk: Uint8Array): void {
    const missing = this.#length - this.#filled
    const end = Math.min(this.#offset + missing, chunk.byteLength)
    const bytes = end - this.#offset
    if (this.#body === undefined && (bytes === missing || this.#type === this.#inPieces)) {
      this.#body = new Uint8Array(chunk.buffer, chunk.byteOffset + this.#offset, bytes)
    } else {
      this.#body ??= allocate(this.#length)
      this.#body.set(chunk.subarray(this.#offset, end), this.#filled)
    }
    this.#filled += bytes
    this.#offset = end
  }

  /** What has come of the frame since the last piece of it. */
  #piece(): Frame | undefined {
    if (this.#body === undefined) return undefined
    const piece = { type: this.#type!, body: this.#body }
    this.#body = undefined
    return piece
  }

  #finish(): Frame | undefined {
    if (this.#type === undefined) return undefined
    if (this.#filled < this.#length) return this.#type === this.#inPieces ? this.#piece() : undefined
    const frame = { type: this.#type, body: this.#body ?? EMPTY }
    this.#length = 0
    this.#lengthBytes = 0
    this.#lengthKnown = false
    this.#type = undefined
    this.#body = undefined
    this.#filled = 0
    return frame
  }

  #advance(): void {
    this.#offset = 0
    this.#chunk = this.#chunks[this.#next++]
    if (this.#chunk === undefined) {
      this.#chunks = []
      this.#next = 0
    }
  }
}

const EMPTY = new Uint8Array(0)
