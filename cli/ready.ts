/** What a starting node tells: programs on stdout, and the process that started it in the background over IPC. */

import { type ErrorCode, LumosError as Failure, type LumosError } from '../interface/errors.ts'

export interface Ready {
  readonly event: 'ready'
  readonly peerId: string
  readonly name: string
  readonly gateway: string
  readonly addresses: readonly string[]
}

export type StartMessage =
  | Ready
  | { readonly event: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint?: string }

/** Does nothing where nobody listens. */
export function tellParent(message: StartMessage): void {
  process.send?.(message)
}

export const failed = ({ code, message, hint }: LumosError): StartMessage => ({
  event: 'failed',
  code,
  message,
  hint
})

/** @throws {LumosError} what the node failed with. */
export function fromMessage(message: StartMessage): Ready {
  if (message.event === 'ready') return message
  throw new Failure(message.code, message.message, { hint: message.hint })
}
