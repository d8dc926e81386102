/** What the settings say of models in memory, and what a model takes that was never loaded. */

import type { Model } from '../host/engine.ts'

export interface MemoryPolicy {
  /** What all loaded models together may take. */
  readonly budgetBytes: number
  /** A model that nobody used for so long is unloaded. */
  readonly keepAliveMs: number
  /** Loaded at start, and never unloaded for another one. */
  readonly pinned: readonly string[]
  /** Loaded at start. */
  readonly warm: readonly string[]
}

/** What models took when they were loaded last, by their name and the length of their files. Kept over a restart. */
export interface Footprints {
  bytesOf(model: string, fileBytes: number): number | undefined
  /** May throw: then it is measured again. */
  keep(model: string, fileBytes: number, bytes: number): void
}

/** Room for everything, for a registry that is told nothing else. */
export const ALL_IN_MEMORY: MemoryPolicy = {
  budgetBytes: Number.POSITIVE_INFINITY,
  keepAliveMs: Number.POSITIVE_INFINITY,
  pinned: [],
  warm: []
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
