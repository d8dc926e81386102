/**
 * Answers with what it was asked: no weights, no process of its own, the same
 * answer every time. For tests, measurements and simulations, where the way of
 * a request matters and its answer does not.
 */

import type { FinishReason, InferenceChunk } from '../../interface/chunks.ts'
import type { Clock } from '../../interface/clock.ts'
import { InvalidInputError } from '../../interface/errors.ts'
import type { InferenceRequest } from '../../interface/inference.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { TaskInput, TaskParams } from '../../interface/tasks/index.ts'
import { askedText } from '../../interface/tasks/text-generation.ts'
import type { Engine, Model } from '../host/engine.ts'

/** It holds nothing but its turn, so it may answer many at once. */
const ECHO_SLOTS = 64

export interface EchoOptions {
  readonly clock: Clock
  /** Pause before each word, to stand for a model that needs time. */
  readonly wordDelayMs?: number
}

export class EchoEngine implements Engine {
  readonly loaded = true
  readonly memoryBytes = 0
  readonly #clock: Clock
  readonly #wordDelayMs: number

  constructor({ clock, wordDelayMs = 0 }: EchoOptions) {
    this.#clock = clock
    this.#wordDelayMs = wordDelayMs
  }

  async load(): Promise<void> {}

  async close(): Promise<void> {}

  infer(request: InferenceRequest, { signal }: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    switch (request.task) {
      case 'tensor':
        return this.#tensors(request.input as TaskInput<'tensor'>, signal)
      case 'text-generation':
        return this.#words(
          request.input as TaskInput<'text-generation'>,
          request.params as TaskParams<'text-generation'>,
          { signal, resume: request.resume }
        )
      default:
        throw new InvalidInputError(`The echo engine does not do ${request.task}.`)
    }
  }

  async *#tensors({ tensors }: TaskInput<'tensor'>, signal?: AbortSignal): AsyncGenerator<InferenceChunk> {
    signal?.throwIfAborted()
    yield { type: 'output', index: 0, output: { tensors } }
    yield { type: 'done', index: 1, finishReason: 'stop', usage: {} }
  }

  /** The words of the last message, each with the space before it, so that their sum is the message. */
  async *#words(
    input: TaskInput<'text-generation'>,
    { maxTokens = Number.POSITIVE_INFINITY }: TaskParams<'text-generation'>,
    { signal, resume }: AbortOptions & Pick<InferenceRequest, 'resume'>
  ): AsyncGenerator<InferenceChunk> {
    const content = askedText(input)
    let start = 0
    let index = 0
    if (resume !== undefined) {
      if (!content.startsWith(resume.text))
        throw new InvalidInputError('What was said is not what was asked.')
      start = resume.text.length
      index = resume.index
      yield { type: 'progress', index, stage: 'continued', done: index, continued: 'exact' }
    }

    while (start < content.length && index < maxTokens) {
      if (this.#wordDelayMs > 0) await this.#pause(signal)
      signal?.throwIfAborted()

      const space = content.indexOf(' ', start + 1)
      const end = space === -1 ? content.length : space
      yield { type: 'text', index, text: content.slice(start, end) }
      start = end
      index++
    }

    const finishReason: FinishReason = start < content.length ? 'length' : 'stop'
    yield { type: 'done', index, finishReason, usage: { outputTokens: index } }
  }

  #pause(signal?: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const end = (): void => {
        timer.cancel()
        signal?.removeEventListener('abort', end)
        resolve()
      }
      const timer = this.#clock.setTimer(end, this.#wordDelayMs)
      signal?.addEventListener('abort', end)
    })
  }
}

/** The echo engine as a model. */
export const echoModel = (options: EchoOptions, id = 'echo', slots = ECHO_SLOTS): Model => ({
  id,
  tasks: ['text-generation', 'tensor'],
  slots,
  engine: new EchoEngine(options)
})
