/**
 * Every failure this project reports on purpose, and what each means to the
 * three kinds of caller: an HTTP status, a process exit code, and whether the
 * same request may succeed elsewhere or later.
 */

interface ErrorMeaning {
  /** HTTP status. */
  readonly status: number
  /** Exit code of the CLI. */
  readonly exitCode: number
  /** Whether another peer, or the same one later, may answer the same request. */
  readonly retryable: boolean
}

const meaning = (status: number, exitCode: number, retryable = false): ErrorMeaning => ({
  status,
  exitCode,
  retryable
})

export const ERROR_MEANINGS = {
  // What was asked is wrong.
  INVALID_INPUT: meaning(400, 1),
  USAGE: meaning(400, 2),
  UNAUTHENTICATED: meaning(401, 5),
  DENIED: meaning(403, 5),
  MODEL_NOT_FOUND: meaning(404, 4),
  WEIGHTS_NOT_FOUND: meaning(404, 4),
  SERVICE_NOT_FOUND: meaning(404, 4),
  PEER_NOT_FOUND: meaning(404, 4),
  UNIT_NOT_FOUND: meaning(404, 4),
  /** No resource has this address. */
  RESOURCE_NOT_FOUND: meaning(404, 4),
  REQUEST_NOT_FOUND: meaning(404, 4),
  JOB_UNKNOWN: meaning(404, 4),
  ANSWER_UNKNOWN: meaning(404, 4),
  CALL_UNKNOWN: meaning(404, 4),
  CALL_CONFLICT: meaning(409, 1),
  ROUTE_NOT_FOUND: meaning(404, 4),
  TOOL_NOT_FOUND: meaning(404, 4),
  TOKEN_NOT_FOUND: meaning(404, 4),
  CONTEXT_TOO_SMALL: meaning(400, 1),
  INPUT_TOO_LARGE: meaning(413, 1),
  MEDIA_TYPE_UNSUPPORTED: meaning(415, 1),
  NOT_SUPPORTED: meaning(501, 1),
  CANCELLED: meaning(499, 130),

  // No device can answer, or none can now.
  OVERLOADED: meaning(429, 75, true),
  RATE_LIMITED: meaning(429, 75, true),
  NO_CAPACITY: meaning(503, 75, true),
  NO_PROVIDER: meaning(503, 7, true),
  NODE_NOT_RUNNING: meaning(503, 3),
  TIMEOUT: meaning(504, 6),

  // A device tried and failed.
  ENGINE_FAILED: meaning(502, 1, true),
  MODEL_INVALID: meaning(502, 1, true),
  WEIGHTS_INVALID: meaning(502, 1, true),
  PEER_UNREACHABLE: meaning(502, 1, true),
  STREAM_INTERRUPTED: meaning(502, 1),
  ANSWER_CHANGED: meaning(502, 1),
  TOOL_FAILED: meaning(502, 1),
  ORIGIN_FAILED: meaning(502, 1, true),
  ORIGIN_CHANGED: meaning(502, 1, true),
  JOB_INTERRUPTED: meaning(500, 1),
  BATCH_INCOMPLETE: meaning(502, 1),
  INTERNAL: meaning(500, 1),

  // A peer broke the protocol.
  FRAME_TOO_LARGE: meaning(502, 1),
  PROTOCOL_VIOLATION: meaning(502, 1, true),
  SLOW_PEER: meaning(502, 1, true),

  // A manifest was refused.
  MANIFEST_INVALID: meaning(400, 1),
  MANIFEST_FORGED: meaning(400, 1),
  MANIFEST_STALE: meaning(400, 1),
  MANIFEST_EXPIRED: meaning(400, 1),
  MANIFEST_EQUIVOCATED: meaning(400, 1),

  // Membership of the mesh.
  PEER_NOT_MEMBER: meaning(403, 5),
  PEER_REVOKED: meaning(403, 5),
  PEER_BANNED: meaning(403, 5),
  DUPLICATE_IDENTITY: meaning(409, 1),
  CERTIFICATE_INVALID: meaning(403, 5),
  CERTIFICATE_FORGED: meaning(403, 5),
  CERTIFICATE_EXPIRED: meaning(403, 5),
  INVITE_INVALID: meaning(400, 1),
  INVITE_USED: meaning(403, 5),
  INVITE_EXPIRED: meaning(403, 5),
  NOT_ADMIN: meaning(403, 5),

  // This node's own home.
  CONFIG_INVALID: meaning(400, 8),
  HOME_LOCKED: meaning(409, 1),
  AUTOSTART_FAILED: meaning(500, 1),
  KEY_LOCKED: meaning(423, 5),
  HOME_NEWER: meaning(500, 1),
  STORE_DAMAGED: meaning(500, 1),
  STORE_FAILED: meaning(500, 1, true),
  STORE_FULL: meaning(507, 1, true),
  WEIGHTS_FULL: meaning(507, 1, true),

  // Spaces of memory.
  MEMORY_NOT_FOUND: meaning(404, 4),
  MEMORY_DENIED: meaning(403, 5),
  MEMORY_FULL: meaning(507, 1, true),
  MEMORY_INVALID: meaning(400, 1),
  MEMORY_FORGED: meaning(400, 1),
  MEMORY_EQUIVOCATED: meaning(400, 1),
  MEMORY_POISON: meaning(400, 1),
  MEMORY_DIVERGED: meaning(500, 1)
} as const satisfies Record<string, ErrorMeaning>

export type ErrorCode = keyof typeof ERROR_MEANINGS

export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(ERROR_MEANINGS, code)

export interface LumosErrorOptions extends ErrorOptions {
  /** What the person should type or do next. */
  readonly hint?: string
  /** Plain data for programs, such as `retryAfterMs`. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** Base of every error thrown on purpose. Branch on `code`; `message` is for people. */
export class LumosError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: LumosErrorOptions = {}) {
    super(message, options)
    this.name = new.target.name
    this.code = code
    this.hint = options.hint
    this.details = options.details ?? {}
  }

  get retryable(): boolean {
    return ERROR_MEANINGS[this.code].retryable
  }
}

/** The request does not have the form its task or unit asks for. */
export class InvalidInputError extends LumosError {
  constructor(message: string, options?: LumosErrorOptions) {
    super('INVALID_INPUT', message, options)
  }
}

/** No reachable peer offers what the request asks for. */
export class NoProviderError extends LumosError {
  constructor(message: string, options?: LumosErrorOptions) {
    super('NO_PROVIDER', message, options)
  }
}

/** Every slot and every place in the queue is taken; `details.retryAfterMs` estimates when not. */
export class OverloadedError extends LumosError {
  constructor(message: string, retryAfterMs: number) {
    super('OVERLOADED', message, { details: { retryAfterMs } })
  }
}

/** The request's `budgetMs` ran out. */
export class TimeoutError extends LumosError {
  constructor(message: string, options?: LumosErrorOptions) {
    super('TIMEOUT', message, options)
  }
}

/** The answer is no longer wanted. */
export class CancelledError extends LumosError {
  constructor(message = 'The request was cancelled.', options?: LumosErrorOptions) {
    super('CANCELLED', message, options)
  }
}

/** The engine died, hung, or answered what it must not. */
export class EngineFailedError extends LumosError {
  constructor(message: string, options?: LumosErrorOptions) {
    super('ENGINE_FAILED', message, options)
  }
}

/** No connection to the peer, or it was lost before the answer began. */
export class PeerUnreachableError extends LumosError {
  constructor(message: string, options?: LumosErrorOptions) {
    super('PEER_UNREACHABLE', message, options)
  }
}

/** A peer sent what the protocol forbids. */
export class ProtocolViolationError extends LumosError {
  constructor(message: string, options?: LumosErrorOptions) {
    super('PROTOCOL_VIOLATION', message, options)
  }
}

/** What a remote peer reported. Its words are shown, never parsed. */
export class RemoteError extends LumosError {}

/** Any thrown value as a `LumosError`: an unexpected error becomes `INTERNAL` with its cause kept. */
export function toLumosError(thrown: unknown): LumosError {
  if (thrown instanceof LumosError) return thrown
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return thrown.cause instanceof LumosError
      ? thrown.cause
      : new CancelledError(undefined, { cause: thrown })
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new LumosError('INTERNAL', message, { cause: thrown })
}
