/** Lets so many through at once; the others wait in the order in which they came. */

import type { AbortOptions } from '../../../interface/lifecycle.ts'

export class Gate {
  readonly #waiting = new Set<() => void>()
  #free: number

  constructor(count: number) {
    this.#free = count
  }

  async through<T>(work: () => Promise<T>, { signal }: AbortOptions = {}): Promise<T> {
    if (this.#free > 0) this.#free--
    else await this.#turn(signal)
    try {
      signal?.throwIfAborted()
      return await work()
    } finally {
      const [next] = this.#waiting
      if (next === undefined) this.#free++
      else next()
    }
  }

  /** A place passes from one to the next, so none can be taken in between. */
  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(next)
        reject(signal?.reason)
      }
      const next = (): void => {
        this.#waiting.delete(next)
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      signal?.throwIfAborted()
      this.#waiting.add(next)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }
}
