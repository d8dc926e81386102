/** What an answer consists of: chunks, of which `done` is the last. */

/** Chunks are numbered from 0 without gaps, so that a cut stream is noticed and can be continued. */
export type InferenceChunk = TextChunk | OutputChunk | DoneChunk

/** A piece of generated text. */
export interface TextChunk {
  readonly type: 'text'
  readonly index: number
  readonly text: string
}

/** One piece of text: a token is a few characters, so this is generous and still fits one frame. */
export const TEXT_PIECE_CHARS_MAX = 32 * 1024

/** A whole result, as the task's `output` schema says. */
export interface OutputChunk {
  readonly type: 'output'
  readonly index: number
  readonly output: unknown
}

/** The end of a complete answer. Its `index` is the number of chunks before it. */
export interface DoneChunk {
  readonly type: 'done'
  readonly index: number
  readonly finishReason: FinishReason
  readonly usage: Usage
}

/** `stop`: the model was done. `length`: `maxTokens` was reached. `other`: a peer's reason that this node does not know. */
export const FINISH_REASONS = ['stop', 'length', 'other'] as const
export type FinishReason = (typeof FINISH_REASONS)[number]

export interface Usage {
  readonly inputTokens?: number
  readonly outputTokens?: number
}
