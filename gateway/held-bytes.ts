/** Bytes of bodies that are received or parsed: one caller leaves room for the others. */

import { OverloadedError } from '../interface/errors.ts'
import type { Caller } from '../interface/units.ts'

/** Bodies of the largest size that one caller sends at the same time, and all callers together. */
const LARGEST_BODIES_MAX = { ofCaller: 2, ofAll: 4 }
/** A body up to this size counts for its caller alone: large ones of others hold no ordinary request up. */
const SMALL_BODY_BYTES_MAX = 1024 * 1024
const BODIES_RETRY_AFTER_MS = 1000

/** A body on its way. */
export interface Received {
  readonly caller: Caller
  bytes: number
}

export class HeldBytes {
  readonly #largestBytes: number
  readonly #ofCaller = new WeakMap<Caller, number>()
  #large = 0

  /** @param largestBytes of the largest body that any route takes. */
  constructor(largestBytes: number) {
    this.#largestBytes = largestBytes
  }

  /** @throws {OverloadedError} when that is too much. It counts until {@link drop}. */
  add(body: Received, bytes: number): void {
    this.#count(body, body.bytes + bytes)
    const own = this.#ofCaller.get(body.caller)!
    const { ofCaller, ofAll } = LARGEST_BODIES_MAX
    const isCrowded = largeOf(body.bytes) > 0 && this.#large > ofAll * this.#largestBytes
    if (isCrowded || own > ofCaller * this.#largestBytes)
      throw new OverloadedError('Too many large bodies are being received.', BODIES_RETRY_AFTER_MS)
  }

  drop(body: Received): void {
    this.#count(body, 0)
  }

  #count(body: Received, bytes: number): void {
    const { caller, bytes: before } = body
    this.#ofCaller.set(caller, (this.#ofCaller.get(caller) ?? 0) + bytes - before)
    this.#large += largeOf(bytes) - largeOf(before)
    body.bytes = bytes
  }
}

const largeOf = (bytes: number): number => (bytes > SMALL_BODY_BYTES_MAX ? bytes : 0)
