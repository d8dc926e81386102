/** Bytes of a known number that come as frames of one type, put together where they are to lie. */

import { ProtocolViolationError } from '../../interface/errors.ts'
import type { Frame } from './frame-parser.ts'

export class Pieces {
  readonly #into: Uint8Array
  readonly #type: number
  #filled = 0

  constructor(into: Uint8Array, type: number) {
    this.#into = into
    this.#type = type
  }

  get whole(): boolean {
    return this.#filled === this.#into.byteLength
  }

  /** @returns whether it was the last one. @throws {ProtocolViolationError} for another frame, and for too many bytes. */
  take({ type, body }: Frame): boolean {
    const { byteLength } = body
    if (type !== this.#type || byteLength === 0)
      throw new ProtocolViolationError('What comes in pieces was cut short.')
    if (this.#filled + byteLength > this.#into.byteLength)
      throw new ProtocolViolationError('What comes in pieces is too long.')
    this.#into.set(body, this.#filled)
    this.#filled += byteLength
    return this.whole
  }
}
