/** What the settings say of models in memory, and what a model is expected to take that was never loaded. */

import type { PreparedRequest } from '../../interface/inference.ts'
import { keepAliveOf } from '../../interface/tasks/keep-alive.ts'
import type { Model } from '../host/engine.ts'

export interface MemoryPolicy {
  /** What all loaded models together may take. */
  readonly budgetBytes: number
  /** A model that was not used for so long is unloaded. */
  readonly keepAliveMs: number
  /** Loaded at start, and never unloaded for another one. */
  readonly pinned: readonly string[]
  /** Loaded at start. */
  readonly warm: readonly string[]
}

/** Room for everything, for a registry that is told nothing else. */
export const ALL_IN_MEMORY: MemoryPolicy = {
  budgetBytes: Number.POSITIVE_INFINITY,
  keepAliveMs: Number.POSITIVE_INFINITY,
  pinned: [],
  warm: []
}

/** A peer may have the memory of this device back sooner than its owner has set, and not later. */
export function keepAliveFor(
  request: PreparedRequest,
  askedBy: string | undefined,
  { keepAliveMs }: MemoryPolicy
): number | undefined {
  const askedMs = keepAliveOf(request)
  return askedMs === undefined || askedBy === undefined ? askedMs : Math.min(askedMs, keepAliveMs)
}

/** The process of an engine without a model: Node, and the native library. Measured: 60 to 97 MB. */
const PROCESS_BYTES = 96 * 1024 * 1024
/** onnxruntime keeps a second, rearranged copy of the weights: 381 MB for a file of 201 MB. llama.cpp maps the file. */
const COPIES: Readonly<Record<string, number>> = { onnx: 2, gguf: 1.25, adapter: 1.25 }

/**
 * Until a model was measured. Where all copies of its weights are more than there is room for, and one is not, it may
 * have all the room: only loading it can tell.
 */
export function expectedBytes({ fileBytes, format = '' }: Model, budgetBytes: number): number {
  if (fileBytes === undefined) return 0
  const leastBytes = PROCESS_BYTES + fileBytes
  return Math.max(leastBytes, Math.min(PROCESS_BYTES + (COPIES[format] ?? 2) * fileBytes, budgetBytes))
}
