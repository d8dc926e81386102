/** What a call fails with: an error of the node, or of the way to it. */

import type { ErrorCode } from './units.generated.ts'

/** An error as the node writes it. */
export interface ErrorBody {
  readonly code: string
  readonly message: string
  readonly hint: string | null
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>
}

export interface LumosClientErrorOptions extends Partial<Omit<ErrorBody, 'code' | 'message'>> {
  /** The same in the log of the node. */
  readonly requestId?: string
  readonly cause?: unknown
}

/** Branch on `code`, one of docs/http.md; show `message` with `hint`. */
export class LumosClientError extends Error {
  /** A newer node may have codes that this client does not list. */
  readonly code: ErrorCode | (string & Record<never, never>)
  /** The next step of a person. */
  readonly hint: string | null
  /** Whether the same request may succeed later. */
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>
  readonly requestId: string | undefined

  constructor(code: string, message: string, options: LumosClientErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'LumosClientError'
    this.code = code
    this.hint = options.hint ?? null
    this.retryable = options.retryable ?? false
    this.details = options.details ?? {}
    this.requestId = options.requestId
  }
}

/** The connection ended before the answer did. The answer itself may go on at the node. */
export class CutError extends LumosClientError {
  constructor(cause?: unknown) {
    super('STREAM_INTERRUPTED', 'The connection to the node ended in the middle of its answer.', {
      retryable: true,
      cause
    })
  }
}

/** No connection to the node. A node that starts again may answer later. */
export const unreachable = (cause: unknown): LumosClientError =>
  new LumosClientError('NODE_NOT_RUNNING', `The node does not answer: ${messageOf(cause)}.`, {
    hint: 'Start it: lumos-node start',
    retryable: true,
    cause
  })

/** @param body of an answer, where a node writes its error. */
export function errorOf(body: unknown, requestId?: string): LumosClientError {
  const { code, message, hint, retryable, details } = (body ?? {}) as Partial<ErrorBody>
  if (typeof code === 'string' && typeof message === 'string')
    return new LumosClientError(code, message, { hint, retryable, details, requestId })
  return new LumosClientError('PROTOCOL_VIOLATION', 'The answer is not one of a lumos-node.')
}

function messageOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  // Fetch says no more than that it failed.
  return cause.cause instanceof Error ? messageOf(cause.cause) : cause.message
}
