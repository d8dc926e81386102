/** One request under way on a peer, as the stream of chunks its caller takes from. */

import { Answer, PROGRESS_MAX } from '../../interface/answer.ts'
import { CancelledError, LumosError, ProtocolViolationError, TimeoutError } from '../../interface/errors.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import { definitionOf } from '../../interface/tasks/index.ts'
import { decodeError } from '../wire/errors.ts'
import { type Message, TYPE } from '../wire/messages.ts'
import type { Call } from '../wire/session.ts'
import { decodeChunk, type SentDone } from './codec.ts'
import { PieceDigest } from './piece-digest.ts'

/** Chunks and bytes that wait for their caller before the stream is held. */
const QUEUED_CHUNKS_MAX = 64
const QUEUED_BYTES_MAX = 1024 * 1024
/** Chunks of unknown types in one answer: as many as of progress. */
const UNKNOWN_CHUNKS_MAX = PROGRESS_MAX

/** Where a call runs, and how it is given up there. */
export interface Place {
  /** Everything of the answer has come. */
  ended(): void
  /** The rest of it is not wanted. */
  cancel(err: LumosError): void
  /** The peer broke the protocol: its stream is reset, and all that it still sends there. */
  reset(err: LumosError): void
}

interface Taker {
  resolve(result: IteratorResult<InferenceChunk, undefined>): void
  reject(err: Error): void
}

export class RemoteCall implements Call, AsyncIterableIterator<InferenceChunk, undefined> {
  readonly request: PreparedRequest
  readonly deadlineMs: number
  readonly #signal: AbortSignal | undefined
  readonly #start: (call: RemoteCall) => void
  #started = false
  #place: Place | undefined

  #queue: InferenceChunk[] = []
  #queuedBytes = 0
  readonly #answer: Answer
  /** Of the pieces that came, where the answer comes in pieces. */
  readonly #digest: PieceDigest | undefined
  /** Chunks of unknown types that came: they have an index, and the caller sees the others numbered without gaps. */
  #unknown = 0
  /** Reports of progress that came, which have an index on the wire only. */
  #progress = 0
  /** Nothing more will come: the answer is whole, or `#error` says why not. */
  #over = false
  #error: LumosError | undefined
  #taker: Taker | undefined
  #room: PromiseWithResolvers<void> | undefined

  /** @param start called when the first chunk is asked for; it must lead to `run`, or `fail`. */
  constructor(
    request: PreparedRequest,
    deadlineMs: number,
    signal: AbortSignal | undefined,
    start: (call: RemoteCall) => void
  ) {
    this.request = request
    this.deadlineMs = deadlineMs
    this.#signal = signal
    this.#start = start
    this.#answer = new Answer(request, this.#broken)
    if (request.receipt === true && definitionOf(request.task).pieces !== undefined)
      this.#digest = new PieceDigest()
  }

  /** Whether its caller waits for no answer any more. */
  get over(): boolean {
    return this.#over
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<InferenceChunk, undefined>> {
    if (!this.#started) this.#begin()
    const chunk = this.#queue.shift()
    if (chunk !== undefined) {
      if (this.#queue.length === 0) this.#makeRoom()
      return Promise.resolve({ value: chunk, done: false })
    }
    if (this.#over) {
      const err = this.#error
      this.#error = undefined
      return err === undefined ? Promise.resolve(END) : Promise.reject(err)
    }
    return new Promise((resolve, reject) => {
      this.#taker = { resolve, reject }
    })
  }

  /** The caller has left the loop. */
  return(): Promise<IteratorResult<InferenceChunk, undefined>> {
    this.#started = true
    this.#giveUp(new CancelledError())
    this.#error = undefined
    this.#queue = []
    return Promise.resolve(END)
  }

  /** The request has been written at `place`. */
  run(place: Place): void {
    this.#place = place
  }

  /** The call ends without an answer, or without the rest of it. */
  fail(err: LumosError): void {
    if (this.#over) return
    this.#finish()
    const taker = this.#taker
    this.#taker = undefined
    if (taker === undefined) this.#error = err
    else taker.reject(err)
  }

  onMessage(message: Message): Promise<void> | undefined {
    if (this.#over) return undefined
    if (message.type === TYPE.error) {
      this.fail(this.#counted(decodeError(message.control)))
      this.#place?.ended()
      return undefined
    }
    let chunk: InferenceChunk | undefined
    try {
      chunk = this.#understood(message)
    } catch (err) {
      // Cancelled, it could go on sending. Reset, it cannot.
      this.fail(err as LumosError)
      this.#place?.reset(err as LumosError)
      return undefined
    }
    return chunk && this.#accept(chunk, message)
  }

  onLost(err: LumosError): void {
    this.fail(this.#counted(err))
  }

  onExpired(): void {
    this.#giveUp(new TimeoutError(`No whole answer within ${Math.round(this.request.budgetMs)} ms.`))
  }

  #begin(): void {
    this.#started = true
    if (this.#signal?.aborted) {
      this.#onAbort()
      return
    }
    this.#signal?.addEventListener('abort', this.#onAbort)
    this.#start(this)
  }

  /** What `message` adds to the answer; nothing when only newer nodes know its type. */
  #understood(message: Message): InferenceChunk | undefined {
    const chunk = decodeChunk(message)
    const skipped = this.#unknown + this.#progress
    if (chunk !== undefined) {
      if (chunk.type === 'progress') this.#progress++
      return this.#whole(chunk, skipped === 0 ? chunk : { ...chunk, index: chunk.index - skipped })
    }
    if (message.index !== this.#answer.received + skipped) throw this.#broken('numbered its chunks wrongly')
    if (++this.#unknown > UNKNOWN_CHUNKS_MAX) throw this.#broken('sent too many chunks of unknown types')
    return undefined
  }

  /** @throws {LumosError} `ANSWER_CHANGED` where the pieces that came are not those that the peer says it sent. */
  #whole(sent: InferenceChunk, numbered: InferenceChunk): InferenceChunk {
    const chunk = this.#answer.accept(numbered)
    this.#digest?.add(chunk)
    const { sha256 } = sent as SentDone
    if (chunk.type !== 'done' || sha256 === undefined || this.#digest === undefined) return chunk
    if (this.#digest.value === sha256) return chunk
    throw new LumosError('ANSWER_CHANGED', 'The pieces that came are not those that the peer says it sent.', {
      details: { received: this.#answer.received }
    })
  }

  #accept(chunk: InferenceChunk, { control, data }: Message): Promise<void> | undefined {
    if (chunk.type === 'done') {
      this.#finish()
      this.#place?.ended()
    }
    const taker = this.#taker
    if (taker !== undefined) {
      this.#taker = undefined
      taker.resolve({ value: chunk, done: false })
      return undefined
    }
    this.#queue.push(chunk)
    this.#queuedBytes += control.byteLength
    for (const value of data ?? []) this.#queuedBytes += value.byteLength
    if (this.#over) return undefined
    if (this.#queue.length < QUEUED_CHUNKS_MAX && this.#queuedBytes < QUEUED_BYTES_MAX) return undefined
    this.#room ??= Promise.withResolvers()
    return this.#room.promise
  }

  #makeRoom(): void {
    this.#queuedBytes = 0
    this.#room?.resolve()
    this.#room = undefined
  }

  #giveUp(err: LumosError): void {
    if (this.#over) return
    this.fail(err)
    this.#place?.cancel(err)
  }

  #finish(): void {
    this.#over = true
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#makeRoom()
  }

  readonly #onAbort = (): void => {
    const reason: unknown = this.#signal?.reason
    this.#giveUp(reason instanceof LumosError ? reason : new CancelledError(undefined, { cause: reason }))
  }

  readonly #broken = (what: string): ProtocolViolationError =>
    new ProtocolViolationError(`The peer ${what}.`, { details: { received: this.#answer.received } })

  /** The failure as it is. Once a chunk has come, it says how many did. */
  #counted(err: LumosError): LumosError {
    const { received } = this.#answer
    if (received === 0) return err
    const { code, message, hint, details } = err
    return new LumosError(code, message, { cause: err, hint, details: { ...details, received } })
  }
}

const END: IteratorReturnResult<undefined> = { value: undefined, done: true }
