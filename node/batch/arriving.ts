/** What answers that are not whole yet take in memory, of all devices together. */

import { OverloadedError } from '../../interface/errors.ts'

/** Twice the largest answer. A device with many requests could send that for each of them at once. */
export const ARRIVING_BYTES_MAX = 128 * 1024 * 1024
/** The others are whole by then, or late. */
const RETRY_AFTER_MS = 1000

export class Arriving {
  #bytes = 0

  /** A new answer. Leaving the scope gives its bytes back. */
  answer(): Disposable & { add(bytes: number): void } {
    let own = 0
    return {
      /** @throws {OverloadedError} where this piece is too much, so that its item is asked for again later. */
      add: bytes => {
        if (this.#bytes + bytes > ARRIVING_BYTES_MAX)
          throw new OverloadedError('Answers that arrive at once are too large together.', RETRY_AFTER_MS)
        own += bytes
        this.#bytes += bytes
      },
      [Symbol.dispose]: () => {
        this.#bytes -= own
      }
    }
  }
}
