/** One request that a program works on: what it says of it becomes the chunks of an answer. */

import type { InferenceChunk } from '../../../interface/chunks.ts'
import { EngineFailedError, type ErrorCode, LumosError } from '../../../interface/errors.ts'
import { DATA_PIECE_BYTES_MAX } from '../../../interface/limits.ts'
import type { Message } from './messages.ts'
import { fromWire } from './names.ts'

/** Chunks that may wait for their reader before the program has to. */
const WAITING_MAX = 64

export class ProgramCall {
  readonly #onTaken: () => void
  readonly #settled = Promise.withResolvers<void>()
  #chunks: InferenceChunk[] = []
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

  /** Resolves once the program has ended it, one way or another. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  /**
   * @returns whether that was the last of it.
   * @throws {EngineFailedError} when the message is none that an answer has.
   */
  push(message: Message): boolean {
    if (message.type === 'error') {
      this.fail(failureOf(message))
      return true
    }
    for (const chunk of this.#chunksOf(message)) if (!this.#givenUp) this.#chunks.push(chunk)
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

  /** Its reader has left: what comes until its end is dropped. */
  giveUp(reason: unknown): void {
    this.#givenUp = true
    this.#chunks = []
    this.#failure ??= { reason }
    this.#onTaken()
    this.#wake?.()
  }

  /** @throws the reason of `fail` or `giveUp`. */
  async next(): Promise<InferenceChunk> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) {
        this.#onTaken()
        return chunk
      }
      if (this.#failure !== undefined) throw this.#failure.reason
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
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
