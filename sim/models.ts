/** Models that stand for real ones: slow to speak, or slow to load. */

import { EchoEngine, echoModel } from '../capabilities/engines/echo.ts'
import type { Engine, Model } from '../capabilities/host/engine.ts'
import { systemClock } from '../interface/clock.ts'
import type { InferenceChunk, InferenceRequest } from '../interface/inference.ts'
import type { AbortOptions } from '../interface/lifecycle.ts'

/** Speaks a word after each `wordDelayMs`. */
export const slowModel = (wordDelayMs: number, slots: number, id = 'slow'): Model =>
  echoModel({ clock: systemClock, wordDelayMs }, id, slots)

/** Loaded when it is first asked: its node has something new to tell then. */
export const lateModel = (id = 'late'): Model => ({
  id,
  tasks: ['text-generation'],
  slots: 4,
  engine: new LateEngine()
})

class LateEngine implements Engine {
  readonly memoryBytes = 0
  readonly #echo = new EchoEngine({ clock: systemClock })
  #loaded = false

  get loaded(): boolean {
    return this.#loaded
  }

  async load(): Promise<void> {
    this.#loaded = true
  }

  async close(): Promise<void> {}

  infer(request: InferenceRequest, options?: AbortOptions): AsyncGenerator<InferenceChunk> {
    return this.#echo.infer(request, options)
  }
}
