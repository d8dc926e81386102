/** One request that an engine's process works on: its chunks wait here until they are taken. */

import { Answer } from '../../interface/answer.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import { engineBroke } from './engine.ts'

export class EngineCall {
  readonly #answer: Answer
  /** Bounded by what `Answer` accepts, so a slow reader costs that at most. */
  #chunks: InferenceChunk[] = []
  #taken = 0
  #failure: { readonly reason: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(request: PreparedRequest) {
    this.#answer = new Answer(request, engineBroke)
  }

  /** Whether the engine has said everything. */
  get ended(): boolean {
    return this.#answer.ended
  }

  /** @throws {EngineFailedError} when the chunk must not come. */
  push(chunk: InferenceChunk): void {
    this.#chunks.push(this.#answer.accept(chunk))
    this.#wake?.()
  }

  /** What came before is still taken first. */
  fail(reason: unknown): void {
    this.#failure ??= { reason }
    this.#wake?.()
  }

  /** @throws the reason of `fail`. */
  async next(): Promise<InferenceChunk> {
    while (this.#taken === this.#chunks.length) {
      if (this.#failure !== undefined) throw this.#failure.reason
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }

    const chunk = this.#chunks[this.#taken++]!
    if (this.#taken === this.#chunks.length) {
      this.#chunks = []
      this.#taken = 0
    }
    return chunk
  }
}
