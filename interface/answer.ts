/**
 * Holds an engine or a peer to the form of an answer: numbered without gaps, of the task's kind, within bounds, `done`
 * once and last.
 *
 * Each chunk is checked as it arrives, so an answer without end costs its asker
 * one bounded answer.
 */

import type * as z from 'zod'
import {
  Data,
  type DataChunk,
  Delta,
  type DeltaChunk,
  type DoneChunk,
  type InferenceChunk,
  isFinishReason,
  Progress,
  TEXT_PIECE_CHARS_MAX
} from './chunks.ts'
import type { LumosError } from './errors.ts'
import { readFirst } from './first-issue.ts'
import type { PreparedRequest } from './inference.ts'
import { ReceiptTexts } from './receipts.ts'
import { isRecord } from './record.ts'
import type { TaskDefinition } from './tasks/definition.ts'
import { definitionOf } from './tasks/index.ts'

/** All text of one answer, reasoning and tool calls included: a million tokens of 16 characters. */
const ANSWER_CHARS_MAX = 16 * 1024 * 1024
/** What an entry of log-probabilities counts besides its text, which may be none: it takes a hundred bytes of memory. */
const LOGPROB_CHARS = 32
/** Reports of progress in one answer: ten a second, for the longest budget, are 36,000. */
export const PROGRESS_MAX = 65_536
/** Pieces of media in one answer: at the size of a piece, far more bytes than any task allows. */
const DATA_PIECES_MAX = 65_536

type Asked = Pick<PreparedRequest, 'task' | 'input' | 'params' | 'resume' | 'receipt'>

export class Answer {
  readonly #task: TaskDefinition
  readonly #input: unknown
  /** Pieces of text and deltas the answer may have, and tokens in these. */
  readonly #piecesMax: number
  /** Parts of media the answer may have. */
  readonly #partsMax: number
  readonly #hasReceipts: boolean
  readonly #broken: (what: string) => LumosError
  #pieces = 0
  #tokens = 0
  #chars = 0
  #data = 0
  #dataBytes = 0
  readonly #partBytes = new Map<number, number>()
  #outputs = 0
  #progress = 0
  #ended = false

  /** @param broken makes the error that blames the engine or peer. */
  constructor({ task, input, params, resume, receipt }: Asked, broken: (what: string) => LumosError) {
    this.#task = definitionOf(task)
    this.#input = input
    this.#piecesMax = this.#task.pieces?.max(params) ?? 0
    this.#partsMax = this.#task.pieces?.parts?.(params) ?? Number.POSITIVE_INFINITY
    this.#broken = broken
    this.#hasReceipts = receipt === true
    if (resume === undefined) return
    // What was said counts as if it had come here.
    this.#pieces = resume.index
    this.#tokens = resume.tokens.length
    this.#chars = resume.text.length + (resume.reasoning?.length ?? 0)
  }

  /** Chunks that have come, those that were said before among them; `done` and progress not counted. */
  get received(): number {
    return this.#pieces + this.#data + this.#outputs
  }

  /** Whether `done` has come. */
  get ended(): boolean {
    return this.#ended
  }

  /**
   * The chunk, proven to be what may come next, and nothing besides.
   *
   * @throws what `broken` makes of what is wrong with it.
   */
  accept(chunk: InferenceChunk): InferenceChunk {
    if (this.#ended) throw this.#broken('went on after its answer was done')
    if (chunk?.index !== this.received) throw this.#broken('numbered its chunks wrongly')

    switch (chunk.type) {
      case 'text':
        this.#acceptText(chunk.text)
        return { type: 'text', index: chunk.index, text: chunk.text }
      case 'delta':
        return this.#acceptDelta(chunk)
      case 'data':
        return this.#acceptData(chunk)
      case 'output': {
        const output = this.#acceptOutput(chunk.output)
        this.#outputs++
        return { type: 'output', index: chunk.index, output }
      }
      case 'progress':
        if (++this.#progress > PROGRESS_MAX)
          throw this.#broken(`reported progress more than ${PROGRESS_MAX} times`)
        return { type: 'progress', index: chunk.index, ...this.#parsed('progress', Progress, chunk) }
      case 'done':
        return this.#acceptDone(chunk)
      default:
        throw this.#broken('sent a chunk of unknown type')
    }
  }

  #acceptText(text: unknown): void {
    if (typeof text !== 'string') throw this.#broken('sent text that is no string')
    if (text.length > TEXT_PIECE_CHARS_MAX) throw this.#broken('sent too much text')
    this.#countPiece(text.length, 0)
  }

  #acceptDelta(chunk: DeltaChunk): DeltaChunk {
    const delta = this.#parsed('delta', Delta, chunk)
    const { text = '', reasoning = '', toolCalls = [], tokens = [], logprobs = [] } = delta
    let chars = text.length + reasoning.length
    for (const { id = '', name = '', arguments: words = '' } of toolCalls) {
      chars += id.length + name.length + words.length
    }
    for (const { token, top = [] } of logprobs) {
      chars += LOGPROB_CHARS + token.length
      for (const other of top) chars += LOGPROB_CHARS + other.token.length
    }
    const tokensMade = Math.max(tokens.length, logprobs.length)
    if (chars === 0 && tokensMade === 0) throw this.#broken('sent an empty delta')
    this.#countPiece(chars, tokensMade)
    return { type: 'delta', index: chunk.index, ...delta }
  }

  #countPiece(chars: number, tokens: number): void {
    if (this.#pieces >= this.#piecesMax)
      throw this.#broken(`sent more than ${this.#piecesMax} pieces of text`)
    if (this.#tokens + tokens > this.#piecesMax)
      throw this.#broken(`sent more than ${this.#piecesMax} tokens`)
    if (this.#chars + chars > ANSWER_CHARS_MAX) throw this.#broken('sent too much text')
    this.#pieces++
    this.#tokens += tokens
    this.#chars += chars
  }

  #acceptData(chunk: DataChunk): DataChunk {
    const { dataBytesMax = 0, partBytesMax = dataBytesMax } = this.#task.pieces ?? {}
    const data = this.#parsed('data', Data, chunk)
    if (this.#dataBytes + data.bytes.byteLength > dataBytesMax || this.#data >= DATA_PIECES_MAX) {
      throw this.#broken(`sent more than ${dataBytesMax} bytes of data, or too many pieces of it`)
    }
    if (data.part >= this.#partsMax) throw this.#broken(`sent more than ${this.#partsMax} parts of data`)
    const partBytes = (this.#partBytes.get(data.part) ?? 0) + data.bytes.byteLength
    if (partBytes > partBytesMax) throw this.#broken(`sent more than ${partBytesMax} bytes of one part`)
    this.#partBytes.set(data.part, partBytes)
    this.#data++
    this.#dataBytes += data.bytes.byteLength
    return { type: 'data', index: chunk.index, ...data, bytes: onItsOwn(data.bytes) }
  }

  #acceptOutput(output: unknown): unknown {
    if (this.#task.pieces !== undefined || this.#outputs > 0) throw this.#broken('sent an output too many')

    const read = this.#task.isOutput?.(output) ? output : this.#parsed('output', this.#task.output, output)
    if (this.#task.fits?.(read, this.#input) === false)
      throw this.#broken('sent an output that does not fit what it was asked')
    return read
  }

  #parsed<S extends z.ZodType>(what: string, schema: S, value: unknown): z.output<S> {
    const result = readFirst(schema, value)
    if (result.success) return result.data
    const issue = result.error.issues[0]!
    throw this.#broken(`sent an invalid ${what} (${issue.path.join('.')}: ${issue.message})`)
  }

  #acceptDone({ index, finishReason, usage, receipts }: DoneChunk): DoneChunk {
    if (this.#task.pieces === undefined && this.#outputs === 0) throw this.#broken('ended without an output')
    if (!isFinishReason(finishReason) || !isUsage(usage)) throw this.#broken('ended its answer wrongly')
    this.#ended = true
    const { inputTokens, outputTokens } = usage
    const asked = this.#hasReceipts && receipts !== undefined
    return {
      ...{ type: 'done', index, finishReason },
      ...(asked && { receipts: this.#parsed('receipt', ReceiptTexts, receipts) }),
      usage: {
        ...(inputTokens !== undefined && { inputTokens }),
        ...(outputTokens !== undefined && { outputTokens })
      }
    }
  }
}

/** A piece that waits for its reader keeps alive all the memory that it is a view of: a frame, or what came with it. */
const onItsOwn = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  bytes.buffer.byteLength === bytes.byteLength ? bytes : new Uint8Array(bytes)

const isUsage = (usage: unknown): boolean =>
  isRecord(usage) && isCount(usage.inputTokens) && isCount(usage.outputTokens)

const isCount = (count: unknown): boolean =>
  count === undefined || (Number.isSafeInteger(count) && Number(count) >= 0)
