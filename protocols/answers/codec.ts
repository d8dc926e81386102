/**
 * `/lumos/answers/1`: a kept answer, from one of its chunks on.
 *
 *     dialer    ask      id, from, follow, forget
 *     listener  info     what is known of the answer, and the bytes of its note
 *               note     the note of the answer, CBOR in pieces
 *               chunks   some chunks, in their order
 *               end      nothing; or the error that the answer ended with
 *               refused  an error: this stream is over
 */

import * as z from 'zod'
import { AnswerId, AnswerInfo, RequestId } from '../../interface/answers.ts'
import {
  Continued,
  Data,
  Delta,
  type InferenceChunk,
  isFinishReason,
  TEXT_PIECE_CHARS_MAX
} from '../../interface/chunks.ts'
import { ProtocolViolationError } from '../../interface/errors.ts'
import { ReceiptTexts } from '../../interface/receipts.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'

export const ANSWERS_PROTOCOL = ['/lumos/answers/1']
/** Streams that one connection may have open: one is a client that reads one answer. */
export const ANSWERS_STREAMS_INBOUND_MAX = 8
export const FRAME = { ask: 1, info: 16, note: 17, chunks: 18, end: 19, refused: 20 } as const
/** Of an ask: an id and two values. */
export const ASK_BYTES_MAX = 512
/** Of one frame with a part of a note. */
export const NOTE_PIECE_BYTES = 128 * 1024
/** Conversations with pictures; one that is longer is not kept. */
export const NOTE_BYTES_MAX = 16 * 1024 * 1024
/** As many as an answer may have, of text and of media. */
const INDEX_MAX = 2 ** 32 - 1

const Index = z.int().min(0).max(INDEX_MAX)

/** The device that asked for an answer names it by the id of its request, so the answer's own id stays with it. */
const Id = z.union([AnswerId, RequestId])

export const Ask = z.object({
  id: Id,
  from: Index,
  follow: z.boolean(),
  /** The device that asked wants nothing of it any more. An earlier version reads an ask for no chunks: see `forgetting`. */
  forget: z.boolean().optional()
})
export type Ask = z.infer<typeof Ask>

export const Info = z.object({
  ...AnswerInfo.shape,
  id: Id,
  model: z.string().max(256).nullable(),
  task: z.string().max(64).nullable(),
  peerId: z.string().max(128).nullable(),
  error: z.object({ code: z.string().max(64), message: z.string().max(1024) }).nullable(),
  noteBytes: z.int().min(0).max(NOTE_BYTES_MAX)
})
export type Info = z.infer<typeof Info>

/** @param id of the request. From there on no answer has a chunk. */
export const forgetting = (id: string): Ask => ({ id, from: INDEX_MAX, follow: false, forget: true })

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const Count = z.int().min(0).optional()
/** The chunks that an answer is kept as. Progress is no part of it, and neither is one whole output. */
const Chunk = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), index: Index, text: z.string().max(TEXT_PIECE_CHARS_MAX) }),
  z.object({ type: z.literal('delta'), index: Index, ...Delta.shape }),
  z.object({ type: z.literal('data'), index: Index, ...Data.shape }),
  z.object({
    type: z.literal('done'),
    index: Index,
    finishReason: z.string().refine(isFinishReason),
    usage: z.object({ inputTokens: Count, outputTokens: Count }),
    continued: Continued.optional(),
    receipts: ReceiptTexts.optional(),
    /** A reader of an earlier version drops it. */
    contentSha256: Sha256.optional()
  })
])
const Chunks = z.array(Chunk).min(1).max(4096)
const ChunksBody = z.object({ chunks: Chunks })

export const encodeChunks = (chunks: readonly InferenceChunk[]): Uint8Array => encodeControl({ chunks })

/** @throws {ProtocolViolationError} unless these are chunks that follow each other from `next` on. */
export function decodeChunks(body: Uint8Array, next: number): InferenceChunk[] {
  const { chunks } = decodeControl(ChunksBody, body)
  for (const [i, { index }] of chunks.entries())
    if (index !== next + i)
      throw new ProtocolViolationError(`Chunk ${index} of an answer came in place of ${next + i}.`)
  return chunks as InferenceChunk[]
}

/** A note is any value of strings, numbers, bytes, lists and records. */
export const encodeNote = (note: unknown): Uint8Array => encodeControl({ note })
export const decodeNote = (bytes: Uint8Array): unknown =>
  decodeControl(z.object({ note: z.unknown() }), bytes).note
