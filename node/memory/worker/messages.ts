/** What the thread of memory is asked, and what it says. */

import type { ErrorCode } from '../../../interface/errors.ts'
import type { EngineEvent, MemoryEngine } from './engine.ts'

/** Calls of the engine that go to the thread, each by its name with its arguments. */
export type CallName = Exclude<keyof MemoryEngine, 'onEvent' | 'close'>

export const CALLS: readonly CallName[] = [
  ...(['spaces', 'space', 'create', 'docs', 'read', 'get', 'write', 'history'] as const),
  ...(['search', 'searched', 'unembedded', 'embedded', 'closeIndex'] as const),
  ...(['share', 'exclude', 'hold', 'compact', 'verify', 'forget', 'export', 'import'] as const),
  ...(['files', 'wholeFile', 'putFile', 'removeFile'] as const),
  ...([
    'setMembers',
    'statesFor',
    'sharers',
    'rightOf',
    'charters',
    'acceptCharters',
    'envelopesAfter'
  ] as const),
  ...(['accept', 'acknowledge', 'compare', 'checkpoint', 'piece', 'putPieces', 'takeCheckpoint'] as const)
]

/** What the thread is started with. */
export interface Start {
  readonly path: string
  /** Seed of the device's key. It stays in memory: no thread writes it anywhere. */
  readonly seed: Uint8Array
  readonly spaceBytesMax: number
  /** Envelopes at which an earlier thread was ended. */
  readonly poison: readonly Uint8Array[]
  /** See {@link APPLYING_BYTES}. */
  readonly applying: SharedArrayBuffer
}

/**
 * One byte that is 1 while an envelope is applied, its hash, and one that counts on with each: readable also where the
 * thread answers no more.
 */
export const APPLYING_BYTES = 34
export const COUNTER_AT = 33

export interface Ask {
  readonly id: number
  readonly name: CallName | 'close'
  readonly args: readonly unknown[]
}

export interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, unknown>>
}

export type Reply =
  | { readonly type: 'value'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failure'; readonly id: number; readonly failure: Failure }
  /** All of one commit: a message costs more than what most of them say. */
  | { readonly type: 'events'; readonly events: readonly EngineEvent[] }
  /** It works on calls of this number now: the time of those begins. */
  | { readonly type: 'begun'; readonly ids: readonly number[] }
