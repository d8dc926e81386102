/** Counts what has begun and not ended, so that a node that stops can wait for it. */

import type { AbortOptions } from '../interface/lifecycle.ts'

export class UnderWay {
  #count = 0
  readonly #waiting = new Set<() => void>()

  get count(): number {
    return this.#count
  }

  begin(): void {
    this.#count++
  }

  /** Once for each `begin`. */
  end(): void {
    this.#count--
    if (this.#count > 0) return
    for (const wake of [...this.#waiting]) wake()
  }

  /** Resolves at once when nothing is under way, else when the last of it ends; rejects when the signal aborts first. */
  async whenIdle({ signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted()
    if (this.#count === 0) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#waiting.add(resolve)
    try {
      await promise
    } finally {
      this.#waiting.delete(resolve)
      signal?.removeEventListener('abort', onAbort)
    }
  }
}
