/** What a file of a kept answer says: its head first, then chunks, the devices that answered, and how it ended. */

import * as z from 'zod'
import { type AnswerQuestion, AnswerState } from '../../interface/answers.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { decodeChunks, encodeChunks } from '../../protocols/answers/index.ts'
import { decodeControl, encodeControl } from '../../protocols/wire/control.ts'

export const Head = z.object({
  /** Of the answer; of one that a peer has asked for, of the request. */
  id: z.string(),
  mesh: z.string(),
  createdAtMs: z.int(),
  /** The peer that asked, for an answer that this node has given. */
  askedBy: z.string().optional(),
  note: z.unknown().optional(),
  /** What was asked, as `encodeQuestion` has it. */
  question: z.instanceof(Uint8Array).optional()
})
export type Head = z.infer<typeof Head>

const Route = z.object({ peerId: z.string(), task: z.string(), model: z.string() })
export const End = z.object({
  state: AnswerState,
  error: z.object({ code: z.string(), message: z.string() }).nullable()
})
export type End = z.infer<typeof End>

const Record = z.object({
  head: Head.optional(),
  route: Route.optional(),
  chunks: z.object({ first: z.int(), count: z.int(), body: z.instanceof(Uint8Array) }).optional(),
  end: End.optional()
})

export interface ChunkGroup {
  /** Index of the first one. */
  readonly first: number
  readonly count: number
  readonly body: Uint8Array
}

export const groupOf = (chunks: readonly InferenceChunk[]): ChunkGroup | undefined =>
  chunks.length === 0
    ? undefined
    : { first: chunks[0]!.index, count: chunks.length, body: encodeChunks(chunks) }

export const chunksOf = ({ first, body }: ChunkGroup): InferenceChunk[] => decodeChunks(body, first)

/** All of one flush. */
export interface AnswerRecord {
  readonly head?: Head | undefined
  readonly route?: z.infer<typeof Route> | undefined
  /** Encoded, so that a reader decodes those alone that it wants. */
  readonly chunks?: ChunkGroup | undefined
  readonly end?: End | undefined
}

/** A conversation of some 200,000 tokens. A longer one, or one with many pictures, is not kept, nor gone on with. */
const QUESTION_BYTES_MAX = 1024 * 1024
/** Its params are JSON: they hold schemas, which may be nested deeper than a control body. */
const Question = z.object({ question: z.unknown(), params: z.string().optional() })

/** Nothing where it is too long, or of a form that is not kept. */
export function encodeQuestion({ params, ...question }: AnswerQuestion): Uint8Array<ArrayBuffer> | undefined {
  try {
    const bytes = encodeControl({ question, params: params && JSON.stringify(params) })
    return bytes.byteLength <= QUESTION_BYTES_MAX ? bytes : undefined
  } catch {
    return undefined
  }
}

export function decodeQuestion(bytes: Uint8Array): AnswerQuestion {
  const { question, params } = decodeControl(Question, bytes)
  return { ...(question as AnswerQuestion), ...(params !== undefined && { params: JSON.parse(params) }) }
}

export const encodeRecord = (record: AnswerRecord): Uint8Array => encodeControl(record)
export const decodeRecord = (bytes: Uint8Array): AnswerRecord => decodeControl(Record, bytes) as AnswerRecord
