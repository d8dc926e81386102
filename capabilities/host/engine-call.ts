/** One request that an engine's process works on: its chunks wait here until they are taken. */

import { Answer } from '../../interface/answer.ts'
import { EngineFailedError } from '../../interface/errors.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import { WINDOW_CHUNKS } from './engine-messages.ts'

/** Half of it, so that the engine of a fast reader never waits. */
const GRANT_CHUNKS = WINDOW_CHUNKS / 2

export interface EngineCallOptions {
  /** The reader begins to wait for the engine. */
  onWait(): void
  /** The reader has taken so many more chunks, so as many more may come. */
  onTaken(chunks: number): void
}

export class EngineCall {
  readonly #options: EngineCallOptions
  readonly #answer: Answer
  readonly #chunks: InferenceChunk[] = []
  /** Chunks that may still come. */
  #window = WINDOW_CHUNKS
  #owed = 0
  #failure: { readonly reason: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(request: PreparedRequest, options: EngineCallOptions) {
    this.#options = options
    this.#answer = new Answer(request, what => new EngineFailedError(what))
  }

  /** Whether the engine has said everything. */
  get ended(): boolean {
    return this.#answer.ended
  }

  /** Whether the reader has taken all that came, and waits for more. */
  get waiting(): boolean {
    return this.#wake !== undefined
  }

  /** @throws {EngineFailedError} when the chunk must not come. */
  push(chunk: InferenceChunk): void {
    if (this.#window === 0) {
      throw new EngineFailedError(`sent more than ${WINDOW_CHUNKS} chunks before they were taken`)
    }
    this.#window--
    const accepted = this.#answer.accept(chunk)
    // Its reader has left.
    if (this.#failure !== undefined) return
    this.#chunks.push(accepted)
    this.#wake?.()
  }

  /** What came before is still taken first. */
  fail(reason: unknown): void {
    this.#failure ??= { reason }
    this.#wake?.()
  }

  /** @throws the reason of `fail`. */
  async next(): Promise<InferenceChunk> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) {
        this.#grant()
        return chunk
      }
      if (this.#failure !== undefined) throw this.#failure.reason
      this.#options.onWait()
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }

  #grant(): void {
    if (++this.#owed < GRANT_CHUNKS || this.ended || this.#failure !== undefined) return
    this.#window += this.#owed
    this.#options.onTaken(this.#owed)
    this.#owed = 0
  }
}
