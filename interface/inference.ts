/**
 * The one shape of this project: what answers inference requests.
 *
 * An engine is one, this node's registry of engines is one, a remote peer is
 * one, and the router, which is the whole mesh, is one. A request travels as a
 * chain of `yield`s through the same interface.
 */

import type { InferenceChunk } from './chunks.ts'
import type { AbortOptions } from './lifecycle.ts'
import type { Resume } from './resume.ts'
import type { TaskName } from './tasks/index.ts'

export type { InferenceChunk } from './chunks.ts'

export interface Inference {
  /**
   * Stream the answer to `request`. A `done` chunk comes last, exactly once.
   *
   * Abort `options.signal` or leave the loop to stop early; either cancels the
   * work, on a remote peer too.
   *
   * @throws {NoProviderError} when no device offers what is asked.
   * @throws {OverloadedError} when all who do are at their limit.
   * @throws {TimeoutError} when `budgetMs` runs out.
   */
  infer(request: PreparedRequest, options?: ServeOptions): AsyncIterable<InferenceChunk>
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
  /** What of the answer has come already: its chunks are numbered on from there. Absent: it begins. */
  readonly resume?: Resume | undefined
  /** Another device can go on with the answer: a node that stops hands it over. */
  readonly movable?: boolean | undefined
  /** Its device keeps nothing of the answer: see `answers.ts`. Devices of earlier versions keep it all the same. */
  readonly unkept?: boolean | undefined
  /** Its device signs what it answers: see `receipts.ts`. */
  readonly receipt?: boolean | undefined
  /** The trace of a client that it belongs to, as in `traceparent`. Absent: the one that its id names. */
  readonly traceId?: string | undefined
}

declare const PREPARED: unique symbol

/** A request that `prepare` has checked: its input and params are what the task's schemas returned. */
export type PreparedRequest = InferenceRequest & { readonly [PREPARED]: true }

export interface ServeOptions extends AbortOptions {
  /** PeerId of who asks; absent: this node itself. Those who ask take turns. */
  readonly askedBy?: string
  /** Called when a request that had to wait is about to run, which may be long after it came; throws when it may not any more. */
  mayRun?(): void
}

/** Used when the caller sets no limit: long enough for a slow device, short enough to notice a hang. */
export const DEFAULT_BUDGET_MS = 120_000
/** The longest budget a request may carry. */
export const MAX_BUDGET_MS = 3_600_000
