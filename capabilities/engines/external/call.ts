/** One request that a program works on: what it says of it becomes the chunks of an answer. */

import type { InferenceChunk } from '../../../interface/chunks.ts'
import { EngineFailedError, type ErrorCode, LumosError } from '../../../interface/errors.ts'
import { DATA_PIECE_BYTES_MAX } from '../../../interface/limits.ts'
import type { Message } from './messages.ts'
import { fromWire } from './names.ts'

/** Chunks that may wait for their reader before the program has to, where no other request needs it. */
const WAITING_MAX = 64
/** Waiting for a reader while others are served: a picture or minutes of speech, and 64 thousand pieces of text. */
export const BEHIND_BYTES_MAX = 16 * 1024 * 1024
/** A chunk takes memory beside what it holds. */
const CHUNK_BYTES = 256

export class ProgramCall {
  readonly #onTaken: () => void
  readonly #settled = Promise.withResolvers<void>()
  #chunks: { readonly chunk: InferenceChunk; readonly bytes: number }[] = []
  #waitingBytes = 0
  #index = 0
  #failure: { readonly reason: unknown } | undefined
  #wake: (() => void) | undefined
  #givenUp = false

  /** @param onTaken is called when chunks were taken, so that the program may go on. */
  constructor(onTaken: () => void) {
    this.#onTaken = onTaken
  }

  /** Whether its reader has to take chunks before more may come. */
  get full(): boolean {
    return this.#chunks.length >= WAITING_MAX
  }

  /** Whether so much waits for its reader that no more may. A single message is bounded by itself. */
  get behind(): boolean {
    return this.#waitingBytes > BEHIND_BYTES_MAX
  }

  /** Resolves once the program has ended it, one way or another. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  /**
   * @param bytes that the message took on the wire.
   * @returns whether that was the last of it.
   * @throws {EngineFailedError} when the message is none that an answer has.
   */
  push(message: Message, bytes: number): boolean {
    if (message.type === 'error') {
      this.fail(failureOf(message))
      return true
    }
    const chunks = this.#chunksOf(message)
    for (const chunk of chunks) this.#add(chunk, CHUNK_BYTES + bytes / chunks.length)
    this.#wake?.()
    if (message.type !== 'done') return false
    this.#settled.resolve()
    return true
  }

  /** It ends with this. What came before is still taken first. */
  fail(reason: unknown): void {
    this.#failure ??= { reason }
    this.#settled.resolve()
    this.#wake?.()
  }

  get givenUp(): boolean {
    return this.#givenUp
  }

  /** Its reader has left, or is too far behind: what comes until its end is dropped. */
  giveUp(reason: unknown): void {
    this.#givenUp = true
    this.#chunks = []
    this.#waitingBytes = 0
    this.#failure ??= { reason }
    this.#onTaken()
    this.#wake?.()
  }

  /** @throws the reason of `fail` or `giveUp`. */
  async next(): Promise<InferenceChunk> {
    for (;;) {
      const first = this.#chunks.shift()
      if (first !== undefined) {
        this.#waitingBytes -= first.bytes
        this.#onTaken()
        return first.chunk
      }
      if (this.#failure !== undefined) throw this.#failure.reason
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }

  #add(chunk: InferenceChunk, bytes: number): void {
    if (this.#givenUp) return
    this.#chunks.push({ chunk, bytes })
    this.#waitingBytes += bytes
  }

  /** The node holds each to the form of its task. */
  #chunksOf(message: Message): InferenceChunk[] {
    const { type } = message
    switch (type) {
      case 'text':
        return [{ type, index: this.#index++, text: message.text as string }]
      case 'data':
        return this.#piecesOf(message)
      case 'output':
        return [{ type, index: this.#index++, output: fromWire(message.output) }]
      case 'progress': {
        const { stage, done, total } = message as { stage: string; done: number; total?: number }
        return [{ type, index: this.#index, stage, done, ...(total !== undefined && { total }) }]
      }
      case 'done': {
        const { finish_reason: finishReason = 'stop', usage = {} } = message as {
          finish_reason?: string
          usage?: unknown
        }
        return [{ type, index: this.#index, finishReason, usage: fromWire(usage) as object }]
      }
      default:
        throw new EngineFailedError(`wrote a message of unknown type ${JSON.stringify(type).slice(0, 80)}`)
    }
  }

  /** A program writes a recording as one; an answer has it in pieces. */
  #piecesOf({ part = 0, mime, bytes }: Message): InferenceChunk[] {
    if (!isBytes(bytes)) throw new EngineFailedError('wrote data without bytes')
    const pieces: InferenceChunk[] = []
    for (let start = 0; start < bytes.length; start += DATA_PIECE_BYTES_MAX) {
      const piece = bytes.subarray(start, start + DATA_PIECE_BYTES_MAX)
      pieces.push({
        ...{ type: 'data', index: this.#index++, bytes: piece },
        ...{ part: part as number, mime: mime as string }
      })
    }
    return pieces
  }
}

const isBytes = (value: unknown): value is Uint8Array<ArrayBuffer> => value instanceof Uint8Array

/** An engine's process reports codes that a program has made up as `ENGINE_FAILED`. */
function failureOf({ code, message = 'it did not say why' }: Message): LumosError {
  return typeof code === 'string'
    ? new LumosError(code as ErrorCode, String(message))
    : new EngineFailedError(String(message))
}
