/** One request of a peer while it is under way. */

import type { InferenceChunk, InferenceRequest, ServeOptions } from '../../interface/inference.ts'
import { definitionOf } from '../../interface/tasks/index.ts'
import type { FrameInit } from '../wire/frames.ts'
import { chunkFrames, type SentDone } from './codec.ts'
import { PieceDigest } from './piece-digest.ts'

export class ServedCall implements ServeOptions {
  readonly controller = new AbortController()
  readonly signal: AbortSignal = this.controller.signal
  readonly askedBy: string
  /** Of input, counted against its peer. */
  readonly bytes: number
  /** Whether the end of its answer has been written. */
  answered = false
  /** Reports of progress that were sent: chunks do not count them, and the replies on the wire do. */
  #progress = 0
  /** Of what was sent, where it comes in pieces: a whole output is one message, which comes or does not. */
  #digest: PieceDigest | undefined

  /** What is asked, once it is known. */
  request: InferenceRequest | undefined
  readonly #authorize: (request: InferenceRequest) => void

  constructor(askedBy: string, bytes: number, authorize: (request: InferenceRequest) => void) {
    this.askedBy = askedBy
    this.bytes = bytes
    this.#authorize = authorize
  }

  /** @param number of the call on its stream. */
  frames(number: number, chunk: InferenceChunk): Iterable<FrameInit> {
    if (chunk.type === 'progress') return chunkFrames(number, chunk, this.#progress++)
    // The first version refuses an end that holds more than it knows, and asks for no receipt.
    if (this.request?.receipt === true && definitionOf(this.request.task).pieces !== undefined)
      this.#digest ??= new PieceDigest()
    this.#digest?.add(chunk)
    if (chunk.type !== 'done') return chunkFrames(number, chunk, this.#progress)
    this.answered = true
    const done: SentDone = { ...chunk, sha256: this.#digest?.value }
    return chunkFrames(number, done, this.#progress)
  }

  mayRun(): void {
    if (this.request !== undefined) this.#authorize(this.request)
  }
}
