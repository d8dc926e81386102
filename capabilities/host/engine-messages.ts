/** What a node and an engine's process say to each other. */

import { EngineFailedError, type ErrorCode, LumosError } from '../../interface/errors.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import { isRecord } from '../../interface/record.ts'
import type { Engine } from './engine.ts'

/** What the module named by `load` exports. */
export interface EngineModule {
  createEngine(settings: unknown, tuning?: Tuning): Engine
}

/** More than an engine computes with. */
export const THREADS_MAX = 1024

/** What is known on this device of how a model is computed best. */
export interface Tuning {
  /** Threads, as measured before; absent: they are still to be measured. */
  readonly known?: number | undefined
  /** They were measured: so many are best. */
  keep(threads: number): void
}

/** Argument of a process that nothing else ends together with its node. */
export const WATCH_NODE = 'watch-node'

/**
 * Chunks of one call that an engine may send before its reader takes them. A slow reader then holds up its own call
 * and no other of the engine, and costs the node some 4 MiB at most.
 */
export const WINDOW_CHUNKS = 64

export type ToEngine =
  /** The first message. Answered by `loaded` or `failed`. */
  | { readonly type: 'load'; readonly module: string; readonly settings: unknown; readonly threads?: number }
  /** Answered by chunks up to `done`, or by one error. */
  | { readonly type: 'infer'; readonly call: number; readonly request: PreparedRequest }
  /** The reader of the call has taken so many chunks, so as many more may be sent: see `WINDOW_CHUNKS`. */
  | { readonly type: 'taken'; readonly call: number; readonly chunks: number }
  /** The call still ends with `done` or an error, soon. */
  | { readonly type: 'cancel'; readonly call: number }

export type FromEngine =
  | { readonly type: 'loaded' }
  | { readonly type: 'failed'; readonly error: PlainError }
  | { readonly type: 'chunks'; readonly call: number; readonly chunks: readonly InferenceChunk[] }
  | { readonly type: 'error'; readonly call: number; readonly error: PlainError }
  | { readonly type: 'memory'; readonly bytes: number }
  /** So many threads were measured to be best. */
  | { readonly type: 'tuned'; readonly threads: number }

export interface PlainError {
  readonly code: string
  readonly message: string
  /** Of `details`, those that are counts: the limits that were met. */
  readonly counts?: Readonly<Record<string, number>>
  /** Of `details`: the place in the request that is wrong. */
  readonly field?: string
}

/** What an engine may report. Anything else it throws means that it failed. */
const ENGINE_CODES: readonly string[] = [
  'INVALID_INPUT',
  'CONTEXT_TOO_SMALL',
  'INPUT_TOO_LARGE',
  'MODEL_INVALID'
] satisfies ErrorCode[]
/** Enough to say what is wrong; an engine cannot fill logs with it. */
const MESSAGE_CHARS_MAX = 1024

export function toPlainError(thrown: unknown): PlainError {
  const code = thrown instanceof LumosError ? thrown.code : 'ENGINE_FAILED'
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  const details = thrown instanceof LumosError ? thrown.details : undefined
  return {
    code,
    message: message.slice(0, MESSAGE_CHARS_MAX),
    counts: countsOf(details),
    ...fieldOf(details)
  }
}

/** More than any error of this project has. */
const COUNTS_MAX = 8
const COUNT_NAME = /^[a-z][A-Za-z]{0,63}$/
/** Such as `input.messages.1.content.0`. */
const FIELD = /^(?:input|params)(?:\.[A-Za-z0-9]{1,32}){1,8}$/

function countsOf(details: unknown): Record<string, number> {
  const named = Object.entries(isRecord(details) ? details : {}).filter(
    (entry): entry is [string, number] => COUNT_NAME.test(entry[0]) && Number.isSafeInteger(entry[1])
  )
  return Object.fromEntries(named.slice(0, COUNTS_MAX))
}

function fieldOf(details: unknown): { readonly field?: string } {
  const { field } = isRecord(details) ? details : {}
  return typeof field === 'string' && FIELD.test(field) ? { field } : {}
}

/** Absolute paths and file addresses, each with its last part. */
const PATHS =
  /(?:file:\/\/|\b[A-Za-z]:[\\/]|(?<![\w.:/-])\/|\\\\)(?:[^\s"'`<>|:;,()]*[\\/])*([^\s"'`<>|:;,()\\/]*)/g

/** As callers see it, peers among them: with the model's name, without the paths of this device. */
export function fromPlainError(
  { code, message, counts, field }: PlainError,
  of: { name: string; folder?: string }
): LumosError {
  const told = String(message).slice(0, MESSAGE_CHARS_MAX)
  // First, because a folder's name may hold spaces, which end what looks like a path.
  const relative = of.folder === undefined ? told : told.replaceAll(of.folder, '')
  const text = `"${of.name}": ${relative.replace(PATHS, '$1')}`
  const details = { ...countsOf(counts), ...fieldOf({ field }) }
  return ENGINE_CODES.includes(code)
    ? new LumosError(code as ErrorCode, text, { details })
    : new EngineFailedError(text)
}
