/** Time that passes, on the clock that was passed in: a signal that aborts by itself, and a pause. */

import type { Clock } from '../../interface/clock.ts'
import { TimeoutError } from '../../interface/errors.ts'

/** Aborts after `timeoutMs`, or as soon as `parent` does. Dispose it to free its timer. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController()
  readonly #dispose: () => void

  constructor(clock: Clock, timeoutMs: number, parent?: AbortSignal) {
    const give = (reason: unknown) => this.#controller.abort(reason)
    const onParent = () => give(parent?.reason)
    const timer = clock.setTimer(
      () => give(new TimeoutError(`Nothing came within ${timeoutMs} ms.`)),
      timeoutMs
    )
    parent?.addEventListener('abort', onParent, { once: true })
    if (parent?.aborted) onParent()
    this.#dispose = () => {
      timer.cancel()
      parent?.removeEventListener('abort', onParent)
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  [Symbol.dispose](): void {
    this.#dispose()
  }
}

/** Resolves after `delayMs`; rejects with the reason of `signal`. */
export async function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = clock.setTimer(resolve, delayMs)
  const onAbort = () => reject(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  return await promise.finally(() => {
    timer.cancel()
    signal?.removeEventListener('abort', onAbort)
  })
}
