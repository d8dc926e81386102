/**
 * Holds whoever answers, an engine or a peer, to the form of an answer: numbered
 * without gaps, of the task's kind, within bounds, `done` once and last.
 *
 * Each chunk is checked as it arrives, so an answer without end costs its asker
 * one bounded answer.
 */

import {
  type DoneChunk,
  FINISH_REASONS,
  type FinishReason,
  type InferenceChunk,
  TEXT_PIECE_CHARS_MAX
} from './chunks.ts'
import type { LumosError } from './errors.ts'
import type { PreparedRequest } from './inference.ts'
import type { TaskDefinition } from './tasks/definition.ts'
import { definitionOf } from './tasks/index.ts'

/** All text of one answer: a million tokens of 16 characters. */
const ANSWER_CHARS_MAX = 16 * 1024 * 1024

export class Answer {
  readonly #task: TaskDefinition
  /** Pieces of text the answer may have: a token makes at most one. */
  readonly #textsMax: number
  readonly #broken: (what: string) => LumosError
  #texts = 0
  #chars = 0
  #outputs = 0
  #ended = false

  /** @param broken makes the error that blames the one who answers. */
  constructor({ task, params }: PreparedRequest, broken: (what: string) => LumosError) {
    this.#task = definitionOf(task)
    this.#textsMax = this.#task.pieces?.max(params) ?? 0
    this.#broken = broken
  }

  /** Chunks that have come, `done` not counted. */
  get received(): number {
    return this.#texts + this.#outputs
  }

  /** Whether `done` has come. */
  get ended(): boolean {
    return this.#ended
  }

  /**
   * The chunk, proven to be what may come next.
   *
   * @throws what `broken` makes of what is wrong with it.
   */
  accept(chunk: InferenceChunk): InferenceChunk {
    if (this.#ended) throw this.#broken('went on after its answer was done')
    if (chunk?.index !== this.received) throw this.#broken('numbered its chunks wrongly')

    switch (chunk.type) {
      case 'text':
        this.#acceptText(chunk.text)
        return chunk
      case 'output': {
        const output = this.#acceptOutput(chunk.output)
        this.#outputs++
        return { type: 'output', index: chunk.index, output }
      }
      case 'done':
        this.#acceptDone(chunk)
        return chunk
      default:
        throw this.#broken('sent a chunk of unknown type')
    }
  }

  #acceptText(text: unknown): void {
    if (typeof text !== 'string') throw this.#broken('sent text that is no string')
    if (this.#texts >= this.#textsMax) throw this.#broken(`sent more than ${this.#textsMax} pieces of text`)
    if (text.length > TEXT_PIECE_CHARS_MAX || this.#chars + text.length > ANSWER_CHARS_MAX) {
      throw this.#broken('sent too much text')
    }
    this.#texts++
    this.#chars += text.length
  }

  #acceptOutput(output: unknown): unknown {
    if (this.#task.pieces !== undefined || this.#outputs > 0) throw this.#broken('sent an output too many')

    if (this.#task.isOutput?.(output)) return output
    const result = this.#task.output.safeParse(output)
    if (result.success) return result.data
    const issue = result.error.issues[0]!
    throw this.#broken(`sent an invalid output (${issue.path.join('.')}: ${issue.message})`)
  }

  #acceptDone({ finishReason, usage }: DoneChunk): void {
    if (this.#task.pieces === undefined && this.#outputs === 0) throw this.#broken('ended without an output')
    if (!FINISH_REASONS.includes(finishReason as FinishReason) || typeof usage !== 'object') {
      throw this.#broken('ended its answer wrongly')
    }
    this.#ended = true
  }
}
