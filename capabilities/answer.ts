/**
 * Holds an engine to the form of an answer: numbered without gaps, of the
 * task's kind, within bounds, `done` once and last.
 *
 * Engines run code and weights from elsewhere, so what they say is checked like
 * what a peer says.
 */

import { EngineFailedError } from '../interface/errors.ts'
import {
  type DoneChunk,
  FINISH_REASONS,
  type FinishReason,
  type InferenceChunk,
  type InferenceRequest,
  TEXT_PIECE_CHARS_MAX
} from '../interface/inference.ts'
import { isTensors, TASKS, type TaskName } from '../interface/tasks.ts'

/** All text of one answer: a million tokens of 16 characters. */
const ANSWER_CHARS_MAX = 16 * 1024 * 1024

export class Answer {
  readonly #task: TaskName
  /** Pieces of text the answer may have: a token makes at most one. */
  readonly #textsMax: number
  #texts = 0
  #chars = 0
  #outputs = 0
  #ended = false

  /** @param request as `checkedRequest` returned it. */
  constructor(request: InferenceRequest) {
    this.#task = request.task
    this.#textsMax = request.task === 'text-generation' ? Number(request.params.maxTokens) : 0
  }

  /** Whether `done` has come. */
  get ended(): boolean {
    return this.#ended
  }

  /**
   * The chunk, proven to be what may come next.
   *
   * @throws {EngineFailedError} saying what the engine did wrong.
   */
  accept(chunk: InferenceChunk): InferenceChunk {
    if (this.#ended) throw broken('went on after its answer was done')
    if (chunk?.index !== this.#texts + this.#outputs) throw broken('numbered its chunks wrongly')

    switch (chunk.type) {
      case 'text':
        this.#acceptText(chunk.text)
        return chunk
      case 'output':
        return { type: 'output', index: chunk.index, output: this.#acceptOutput(chunk.output) }
      case 'done':
        this.#acceptDone(chunk)
        return chunk
      default:
        throw broken('sent a chunk of unknown type')
    }
  }

  #acceptText(text: unknown): void {
    if (typeof text !== 'string') throw broken('sent text that is no string')
    this.#texts++
    this.#chars += text.length
    if (this.#texts > this.#textsMax) throw broken(`sent more than ${this.#textsMax} pieces of text`)
    if (text.length > TEXT_PIECE_CHARS_MAX || this.#chars > ANSWER_CHARS_MAX)
      throw broken('sent too much text')
  }

  #acceptOutput(output: unknown): unknown {
    this.#outputs++
    if (this.#task === 'text-generation' || this.#outputs > 1) throw broken('sent an output too many')

    if (this.#task === 'tensor' && isTensors(output)) return output
    const result = TASKS[this.#task].output.safeParse(output)
    if (result.success) return result.data
    const issue = result.error.issues[0]!
    throw broken(`sent an invalid output (${issue.path.join('.')}: ${issue.message})`)
  }

  #acceptDone({ finishReason, usage }: DoneChunk): void {
    if (this.#task !== 'text-generation' && this.#outputs === 0) throw broken('ended without an output')
    if (!FINISH_REASONS.includes(finishReason as FinishReason) || typeof usage !== 'object') {
      throw broken('ended its answer wrongly')
    }
    this.#ended = true
  }
}

const broken = (what: string): EngineFailedError => new EngineFailedError(`The engine ${what}.`)
