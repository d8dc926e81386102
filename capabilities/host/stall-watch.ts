/** Notices that an engine's process hangs: something waits for it, and it gives no sign. */

import type { Clock, Timer } from '../../interface/clock.ts'

/** No sign for this long means that it hangs. A prompt on a slow board may take a minute. */
export const STALL_MS = 120_000

export interface StallWatchOptions {
  readonly clock: Clock
  /** Whether something waits for the process. An idle process owes no sign, nor does one whose readers are slow. */
  isWaiting(): boolean
  onStall(): void
}

export class StallWatch {
  readonly #options: StallWatchOptions
  #timer: Timer | undefined
  #signMs: number

  constructor(options: StallWatchOptions) {
    this.#options = options
    this.#signMs = options.clock.monotonicMs()
  }

  /** The process shows that it works. */
  sign(): void {
    this.#signMs = this.#options.clock.monotonicMs()
  }

  /** Called before something begins to wait. One timer serves all that waits, and looks for the last sign when it fires. */
  begin(): void {
    if (!this.#options.isWaiting()) this.sign()
    if (this.#timer === undefined) this.#arm(STALL_MS)
  }

  end(): void {
    this.#timer?.cancel()
  }

  #arm(delayMs: number): void {
    const { clock, isWaiting, onStall } = this.#options
    this.#timer = clock.setTimer(() => {
      this.#timer = undefined
      if (!isWaiting()) return
      const silentMs = clock.monotonicMs() - this.#signMs
      if (silentMs >= STALL_MS) onStall()
      else this.#arm(STALL_MS - silentMs)
    }, delayMs)
  }
}
