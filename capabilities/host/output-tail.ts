/** Keeps the last words of an engine's process, which often say why it died, and notices a flood of them. */

import type { Clock } from '../../interface/clock.ts'

/** A stack trace and the lines before it. */
const TAIL_CHARS = 2048
/** Reading output costs the node's own thread, so more than this per window is a flood. */
const FLOOD_BYTES = 1024 * 1024
const FLOOD_WINDOW_MS = 10_000

export class OutputTail {
  readonly #clock: Clock
  #text = ''
  #bytes = 0
  #windowEndMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get text(): string {
    return this.#text
  }

  /** Takes what was printed. @returns whether it still is a bearable amount. */
  add(printed: Buffer): boolean {
    this.#text = (this.#text + printed.toString('utf8')).slice(-TAIL_CHARS)
    return this.count(printed.byteLength)
  }

  /** Counts what cost the node as much as `bytes` of output. @returns whether it still is a bearable amount. */
  count(bytes: number): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + FLOOD_WINDOW_MS
      this.#bytes = 0
    }
    this.#bytes += bytes
    return this.#bytes <= FLOOD_BYTES
  }
}
