/** A signal that aborts by itself, on the clock that was passed in. */

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
