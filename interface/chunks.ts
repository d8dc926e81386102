/**
 * What an answer consists of: chunks, of which `done` is the last.
 *
 * A schema here is what `Answer` holds a chunk to, wherever it comes from. Later versions may add types: a peer that does
 * not know one skips it.
 */

import * as z from 'zod'
import { DATA_PIECE_BYTES_MAX } from './limits.ts'

/** Chunks are numbered from 0 without gaps, so that a cut stream is noticed and can be continued. */
export type InferenceChunk = TextChunk | DeltaChunk | DataChunk | OutputChunk | ProgressChunk | DoneChunk

/** A piece of generated text. */
export interface TextChunk {
  readonly type: 'text'
  readonly index: number
  readonly text: string
}

/** One piece of text: a token is a few characters, so this is generous and still fits one frame. */
export const TEXT_PIECE_CHARS_MAX = 32 * 1024
/** A name or an id in a piece. */
export const NAME_CHARS_MAX = 256
/** Tokens that one piece is made of: engines that guess ahead accept a few dozen at once. */
const PIECE_TOKENS_MAX = 1024
/** Tool calls that one answer may make. */
export const TOOL_CALLS_MAX = 128

const Piece = z.string().max(TEXT_PIECE_CHARS_MAX)
const Name = z.string().min(1).max(NAME_CHARS_MAX)

/** A piece of one tool call. Its id and name come once; its arguments are JSON, in pieces. */
const ToolCallDelta = z.object({
  /** Which call of the answer. */
  index: z
    .int()
    .min(0)
    .max(TOOL_CALLS_MAX - 1),
  id: Name.optional(),
  name: Name.optional(),
  arguments: Piece.optional()
})

/** Other tokens that stood to choose where one was: what the field's programs ask for at most. */
const TOP_LOGPROBS_MAX = 20
/** The text of one token. */
const TOKEN_CHARS_MAX = 1024

const TokenLogprob = z.object({ token: z.string().max(TOKEN_CHARS_MAX), logprob: z.number().max(0) })

/** A token of the piece, and the likeliest that stood in its place, the likeliest first. Half a character is U+FFFD. */
export const Logprob = TokenLogprob.extend({ top: z.array(TokenLogprob).max(TOP_LOGPROBS_MAX).optional() })
export type Logprob = z.infer<typeof Logprob>

export const Delta = z.object({
  text: Piece.optional(),
  reasoning: Piece.optional(),
  toolCalls: z.array(ToolCallDelta).min(1).max(TOOL_CALLS_MAX).optional(),
  /** Ids of the tokens that the piece is made of, where the engine has them. */
  tokens: z.array(z.int().min(0).max(0xffff_ffff)).max(PIECE_TOKENS_MAX).optional(),
  /** Of the tokens that the piece is made of, where they were asked for and the engine has them. */
  logprobs: z.array(Logprob).max(PIECE_TOKENS_MAX).optional()
})

/** A piece of an answer that holds more than text. */
export interface DeltaChunk extends z.infer<typeof Delta> {
  readonly type: 'delta'
  readonly index: number
}

export const Data = z.object({
  /** Which part of the answer the bytes go on: a picture, a stretch of speech. */
  part: z.int().min(0).max(63),
  mime: z
    .string()
    .max(128)
    .regex(/^[a-z]+\/[\w.+-]+$/),
  bytes: z
    .instanceof(Uint8Array)
    .refine(({ byteLength }) => byteLength > 0 && byteLength <= DATA_PIECE_BYTES_MAX, {
      error: `holds none or more than ${DATA_PIECE_BYTES_MAX} bytes`
    })
})

/** A piece of a media part. */
export interface DataChunk extends z.infer<typeof Data> {
  readonly type: 'data'
  readonly index: number
}

/** A whole result, as the task's `output` schema says. */
export interface OutputChunk {
  readonly type: 'output'
  readonly index: number
  readonly output: unknown
}

/**
 * How an answer went on after it was cut. `exact`: as its first device would have gone on. `prefill`: the model of
 * another one was given what was said, and went on from there.
 */
export const Continued = z.enum(['exact', 'prefill'])
export type Continued = z.infer<typeof Continued>

const Amount = z.number().min(0).max(Number.MAX_SAFE_INTEGER)

/** Where a request waits for its turn, as its device says. */
export const QueuePlace = z.object({
  /** 1 is next. */
  place: z.int().min(1),
  /** How many wait. */
  of: z.int().min(1),
  /** About how long it waits. */
  waitMs: Amount
})
export type QueuePlace = z.infer<typeof QueuePlace>

export const Progress = z.object({
  /** What is done, such as `loading`, or `queued` of a request that waits. */
  stage: Name,
  done: Amount,
  /** Absent while it is not known. */
  total: Amount.optional(),
  /** Of an answer that goes on after it was cut: how. The chunks before it came from another device. */
  continued: Continued.optional(),
  /** Of a request that waits for its turn. */
  queue: QueuePlace.optional()
})

/**
 * How far the work is. It is no part of the answer: its `index` is the number of chunks before it, which the next one
 * has too, and an answer of which only progress came may be begun again by another peer.
 */
export interface ProgressChunk extends z.infer<typeof Progress> {
  readonly type: 'progress'
  readonly index: number
}

/** The end of a complete answer. Its `index` is the number of chunks before it. */
export interface DoneChunk {
  readonly type: 'done'
  readonly index: number
  readonly finishReason: FinishReason
  readonly usage: Usage
  /** The answer was cut and went on; `prefill` where it did so once at least. The router of the asker says it. */
  readonly continued?: Continued
  /** What the devices that answered sign of it, each for its part, in order; where it was asked for. */
  readonly receipts?: string[]
  /**
   * Of a kept answer: SHA-256 in hex, by the device that asked, of the text, reasoning, arguments of calls and bytes of its
   * pieces, in that order within each.
   */
  readonly contentSha256?: string
}

/**
 * Why an answer ended. `stop`: the model was done. `length`: `maxTokens` was reached. `tool_calls`: the model waits for
 * tools. `other`: a reason without a name. Engines and later versions may have reasons of their own.
 */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'other' | (string & {})

const REASON = /^[a-z][a-z0-9_-]{0,63}$/
export const isFinishReason = (reason: unknown): reason is FinishReason =>
  typeof reason === 'string' && REASON.test(reason)

export interface Usage {
  readonly inputTokens?: number
  readonly outputTokens?: number
}
