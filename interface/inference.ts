/**
 * The one shape of this project: what answers inference requests.
 *
 * An engine is one, this node's registry of engines is one, a remote peer is
 * one, and the router, which is the whole mesh, is one. A request travels as a
 * chain of `yield`s through the same interface.
 */

import type { AbortOptions } from './lifecycle.ts'
import type { TaskName } from './tasks.ts'

export interface Inference {
  /**
   * Stream the answer to `request`. A `done` chunk comes last, exactly once.
   *
   * Abort `options.signal` or leave the loop to stop early; either cancels the
   * work, on a remote peer too.
   *
   * @throws {NoProviderError} when nobody offers what is asked.
   * @throws {OverloadedError} when all who do are at their limit.
   * @throws {TimeoutError} when `budgetMs` runs out.
   */
  infer(request: InferenceRequest, options?: ServeOptions): AsyncIterable<InferenceChunk>
}

export interface InferenceRequest {
  /** Unique per request; the same in every log line about it. */
  readonly id: string
  readonly task: TaskName
  /** The model to use. Absent: any model that does the task. */
  readonly model?: string
  /** As the task's `input` schema says. */
  readonly input: unknown
  /** As the task's `params` schema says. */
  readonly params: Readonly<Record<string, unknown>>
  /** Time left for the whole answer. Relative, so that no two clocks need to agree. */
  readonly budgetMs: number
}

export interface ServeOptions extends AbortOptions {
  /** PeerId of who asks; absent: this node itself. Those who ask take turns. */
  readonly askedBy?: string
  /** Called when a request that had to wait is about to run, which may be long after it came; throws when it may not any more. */
  mayRun?(): void
}

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

/** All tensors of one request, or of one answer, together. */
export const TENSOR_BYTES_MAX = 64 * 1024 * 1024

/** Used when whoever asks sets no limit: long enough for a slow device, short enough to notice a hang. */
export const DEFAULT_BUDGET_MS = 120_000
/** The longest budget a request may carry. */
export const MAX_BUDGET_MS = 3_600_000
