/** What a starting node tells: programs on stdout, and the process that started it in the background over IPC. */

import { type ErrorCode, LumosError } from '../interface/errors.ts'

export interface Ready {
  readonly event: 'ready'
  readonly peer_id: string
  readonly name: string
  readonly gateway: string
  readonly addresses: readonly string[]
  /** Devices of its mesh, this one included; absent for a node that runs already. */
  readonly members?: number
  /** Options and settings that count for nothing, a line each; absent when all count. */
  readonly ignored?: readonly string[]
  /** What keeps peers from being found, a line each; absent when nothing does. */
  readonly warnings?: readonly string[]
}

export type StartMessage =
  | Ready
  /** The keys are under a passphrase: the answer is a {@link PassphraseMessage}. */
  | { readonly event: 'locked' }
  | { readonly event: 'failed'; readonly code: ErrorCode; readonly message: string; readonly hint?: string }

export interface PassphraseMessage {
  readonly passphrase: string | null
}

/** The passphrase, from the process that has the terminal; undefined when it has none, or is gone. */
export async function askParent(): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const answered = (message: unknown) => resolve((message as PassphraseMessage).passphrase ?? undefined)
  const gone = () => resolve(undefined)
  process.once('message', answered).once('disconnect', gone)
  tellParent({ event: 'locked' })
  try {
    return await promise
  } finally {
    process.off('message', answered).off('disconnect', gone)
  }
}

/** Does nothing where no process listens. */
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
export function fromMessage(message: Exclude<StartMessage, { event: 'locked' }>): Ready {
  if (message.event === 'ready') return message
  throw new LumosError(message.code, message.message, { hint: message.hint })
}
