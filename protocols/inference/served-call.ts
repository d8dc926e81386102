/** One request of a peer while it is under way. */

import type { InferenceRequest, ServeOptions } from '../../interface/inference.ts'

export class ServedCall implements ServeOptions {
  readonly controller = new AbortController()
  readonly signal: AbortSignal = this.controller.signal
  readonly askedBy: string
  /** Of input, counted against its peer. */
  readonly bytes: number
  /** Whether the end of its answer has been written. */
  answered = false
  /** Reports of progress that were sent: chunks do not count them, and the replies on the wire do. */
  progress = 0

  /** What is asked, once it is known. */
  request: InferenceRequest | undefined
  readonly #authorize: (request: InferenceRequest) => void

  constructor(askedBy: string, bytes: number, authorize: (request: InferenceRequest) => void) {
    this.askedBy = askedBy
    this.bytes = bytes
    this.#authorize = authorize
  }

  mayRun(): void {
    if (this.request !== undefined) this.#authorize(this.request)
  }
}
