/** Calls under way on a peer: one answer, or an answer in pieces. */

import { CancelledError, type LumosError, TimeoutError, toLumosError } from '../../interface/errors.ts'
import type { Message } from '../wire/messages.ts'
import type { Call } from '../wire/session.ts'
import { decodeReply } from './codec.ts'

/** Pieces that wait for their caller before the stream is held. */
const QUEUED_ITEMS_MAX = 16

export interface CallEnds {
  /** The caller waits no longer, and the peer has not ended the call. */
  cancel(): void
  /** The peer broke the protocol. */
  reset(err: LumosError): void
}

/** A call with one answer. */
export class WholeCall implements Call {
  readonly deadlineMs: number
  readonly answer: Promise<unknown>
  ends: CallEnds | undefined
  readonly #signal: AbortSignal | undefined
  readonly #settled = Promise.withResolvers<unknown>()
  #over = false

  constructor(deadlineMs: number, signal: AbortSignal | undefined) {
    this.deadlineMs = deadlineMs
    this.answer = this.#settled.promise
    this.#signal = signal
    signal?.addEventListener('abort', this.#onAbort)
  }

  onMessage(message: Message): undefined {
    if (this.#over) return
    try {
      const reply = decodeReply(message)
      if (reply === undefined) return
      if (reply.type === 'error') this.#fail(reply.error)
      else if (this.#finish()) this.#settled.resolve(reply.value)
    } catch (err) {
      this.#fail(err)
      this.ends?.reset(toLumosError(err))
    }
  }

  onLost(err: LumosError): void {
    this.#fail(err)
  }

  onExpired(): void {
    this.#giveUp(new TimeoutError('The device gave no answer in the time of the call.'))
  }

  readonly #onAbort = (): void => this.#giveUp(reasonOf(this.#signal))

  #giveUp(err: Error): void {
    if (!this.#over) this.ends?.cancel()
    this.#fail(err)
  }

  #fail(err: unknown): void {
    if (this.#finish()) this.#settled.reject(err as Error)
  }

  #finish(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#signal?.removeEventListener('abort', this.#onAbort)
    return true
  }
}

/** A call whose answer comes in pieces. It has a stream of its own, which is held while its caller does not take them. */
export class StreamedCall implements Call {
  readonly deadlineMs = Number.POSITIVE_INFINITY
  /** Whether the peer has ended it: its stream can take another call. */
  ended = false
  readonly #signal: AbortSignal | undefined
  readonly #items: unknown[] = []
  #failure: Error | undefined
  #taker: (() => void) | undefined
  #room: PromiseWithResolvers<void> | undefined

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
    signal?.addEventListener('abort', this.#onAbort)
  }

  /** The pieces as they come. */
  async *items(): AsyncGenerator<unknown> {
    for (;;) {
      if (this.#items.length > 0) {
        const item = this.#items.shift()
        if (this.#items.length === 0) this.#makeRoom()
        yield item
      } else if (this.#failure !== undefined) {
        throw this.#failure
      } else if (this.ended) {
        return
      } else {
        await new Promise<void>(resolve => {
          this.#taker = resolve
        })
      }
    }
  }

  /** Its caller takes no more. */
  leave(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#makeRoom()
  }

  onMessage(message: Message): Promise<void> | undefined {
    if (this.#failure !== undefined) return undefined
    try {
      const reply = decodeReply(message)
      if (reply === undefined) return undefined
      if (reply.type !== 'item') this.ended = true
      if (reply.type === 'error') this.#failure = reply.error
      else if ('value' in reply) this.#items.push(reply.value)
    } catch (err) {
      this.#failure = err as Error
    }
    this.#wake()
    if (this.ended || this.#items.length < QUEUED_ITEMS_MAX) return undefined
    this.#room ??= Promise.withResolvers()
    return this.#room.promise
  }

  onLost(err: LumosError): void {
    this.#fail(err)
  }

  onExpired(): void {}

  readonly #onAbort = (): void => this.#fail(reasonOf(this.#signal))

  #fail(err: Error): void {
    this.#failure ??= err
    this.#wake()
  }

  #wake(): void {
    this.#taker?.()
    this.#taker = undefined
  }

  #makeRoom(): void {
    this.#room?.resolve()
    this.#room = undefined
  }
}

export function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason
  const err = toLumosError(reason)
  return err.code === 'INTERNAL' ? new CancelledError(undefined, { cause: reason }) : err
}
