/**
 * `/lumos/inference/1`: requests and answers as messages (see `../wire/messages.ts`).
 *
 *     dialer    request   control: id, task, input, model, params, resume, unkept, movable, receipt, traceId, budgetMs
 *               cancel
 *     listener  text      control: the text itself, UTF-8
 *               output    control: the output
 *               delta     control: text, reasoning, toolCalls, tokens, logprobs
 *               data      control: mime, part, bytes
 *               progress  control: done, queue, stage, total, continued
 *               done      control: usage, sha256, receipts, finishReason
 *               error     control: see `../wire/errors.ts`
 */

import { isUtf8 } from 'node:buffer'
import * as z from 'zod'
import { type DoneChunk, type InferenceChunk, isFinishReason } from '../../interface/chunks.ts'
import { NoProviderError, ProtocolViolationError } from '../../interface/errors.ts'
import { type InferenceRequest, MAX_BUDGET_MS, type PreparedRequest } from '../../interface/inference.ts'
import { ModelId } from '../../interface/names.ts'
import { ReceiptTexts } from '../../interface/receipts.ts'
import { isRecord } from '../../interface/record.ts'
import { Resume } from '../../interface/resume.ts'
import { isTaskName, TaskText } from '../../interface/tasks/index.ts'
import { TRACE_ID } from '../../interface/trace-ids.ts'
import { attach, check, type Detached, decodeControl, detach, encodeControl } from '../wire/control.ts'
import { encodeError } from '../wire/errors.ts'
import type { FrameInit } from '../wire/frames.ts'
import { type Message, messageFrames, REPLIES_FROM, TYPE } from '../wire/messages.ts'
import { packed, unpacked } from './schemas.ts'

/** Ids of the protocol, the newest first: both sides offer all of them, and libp2p takes the first that both know. */
export const INFERENCE_PROTOCOL = ['/lumos/inference/1']

/** Kinds of reply beside `done` and `error`. */
const REPLY = { text: 16, output: 17, delta: 18, data: 19, progress: 20 } as const
/** Replies whose control body holds the fields of their chunk. */
const FIELDS = new Map([
  [REPLY.delta, 'delta'],
  [REPLY.data, 'data'],
  [REPLY.progress, 'progress']
] as const)
const KNOWN_REPLIES: ReadonlySet<number> = new Set(Object.values(REPLY))

export const Request = z.object({
  id: z.string().min(1).max(128),
  task: TaskText,
  model: ModelId.optional(),
  /** Held to its task's schema by `prepare`. */
  input: z.unknown(),
  params: z.record(z.string(), z.unknown()),
  /** A key of the version of 2026-12-01, sent only to peers whose manifest says that they read it. */
  resume: Resume.optional(),
  movable: z.boolean().optional(),
  receipt: z.boolean().optional(),
  unkept: z.boolean().optional(),
  /** A reader of an earlier version drops it. */
  traceId: z.string().regex(TRACE_ID).optional(),
  budgetMs: z.number().positive().max(MAX_BUDGET_MS)
})

const Count = z.int().min(0).optional()
const Done = z.object({
  usage: z.object({ inputTokens: Count, outputTokens: Count }),
  finishReason: z
    .string()
    .max(64)
    .transform(reason => (isFinishReason(reason) ? reason : 'other')),
  /** Of the pieces that this device sent: see `PieceDigest`. Absent from earlier versions. */
  sha256: z.string().length(64).optional(),
  receipts: ReceiptTexts.optional()
})

/** The end of an answer as it travels. */
export type SentDone = DoneChunk & { readonly sha256?: string | undefined }

/** @throws {InvalidInputError} when the input or params cannot be sent. */
export function encodeRequest(request: PreparedRequest): Detached {
  const { id, task, input, model, params, resume, unkept, movable, receipt, traceId, budgetMs } = request
  // Keys in the order of the encoding: nothing to sort.
  return detach({
    id,
    task,
    input,
    model,
    params: packed(params),
    resume,
    unkept,
    movable,
    receipt,
    traceId,
    budgetMs
  })
}

/**
 * @throws {ProtocolViolationError} when it is not a request.
 * @throws {NoProviderError} when its task is not one that this node knows.
 */
export const decodeRequest = (control: Uint8Array, data: readonly Uint8Array[]): InferenceRequest =>
  withSchemas(checkedRequest(attach(control, data)))

function withSchemas(request: InferenceRequest): InferenceRequest {
  const params = unpacked(request.params)
  return params === request.params ? request : { ...request, params }
}

/** What nearly all requests are is told by hand; the schema is asked about the others, and says what is wrong. */
function checkedRequest(value: unknown): InferenceRequest {
  if (isRequest(value)) return value
  const { task, ...rest } = check(Request, value)
  if (!isTaskName(task)) throw new NoProviderError(`This node does not know the task "${task}".`)
  return { task, ...rest }
}

const REQUEST_KEYS = new Set(Object.keys(Request.shape))

/** Whether `value` is certainly what the schema accepts, and holds no key that it would drop. */
export function isRequest(value: unknown): value is InferenceRequest {
  if (typeof value !== 'object' || value === null) return false
  for (const key in value) if (!REQUEST_KEYS.has(key)) return false
  const { id, task, model, input, params, budgetMs, resume, movable, receipt, unkept, traceId } =
    value as Partial<InferenceRequest>
  return (
    typeof id === 'string' &&
    id.length >= 1 &&
    id.length <= 128 &&
    typeof task === 'string' &&
    isTaskName(task) &&
    (model === undefined || ModelId.safeParse(model).success) &&
    input !== undefined &&
    isRecord(params) &&
    resume === undefined &&
    (movable === undefined || typeof movable === 'boolean') &&
    (receipt === undefined || typeof receipt === 'boolean') &&
    (unkept === undefined || typeof unkept === 'boolean') &&
    (traceId === undefined || (typeof traceId === 'string' && TRACE_ID.test(traceId))) &&
    typeof budgetMs === 'number' &&
    budgetMs > 0 &&
    budgetMs <= MAX_BUDGET_MS
  )
}

/** @param skipped replies before it that its index does not count: on the wire every reply has a number of its own. */
export function chunkFrames(call: number, chunk: InferenceChunk, skipped = 0): Iterable<FrameInit> {
  const number = chunk.index + skipped
  switch (chunk.type) {
    case 'text':
      return messageFrames(REPLY.text, call, number, Buffer.from(chunk.text))
    case 'done': {
      const { usage, sha256, receipts, finishReason } = chunk as SentDone
      const end = encodeControl({ usage, sha256, receipts, finishReason })
      return messageFrames(TYPE.done, call, number, end)
    }
    case 'output': {
      const { control, data } = detach(chunk.output)
      return messageFrames(REPLY.output, call, number, control, data)
    }
    default: {
      const { type, index, ...fields } = chunk
      const { control, data } = detach(fields)
      return messageFrames(REPLY[type], call, number, control, data)
    }
  }
}

export const errorFrames = (call: number, thrown: unknown): Iterable<FrameInit> =>
  messageFrames(TYPE.error, call, 0, encodeError(thrown))

/**
 * The chunk a reply holds; none when it is of a type that only newer nodes know. Whether it may come next, in an
 * answer to what was asked, `Answer` says.
 *
 * @throws {ProtocolViolationError} when it is malformed.
 */
export function decodeChunk({ type, index, control, data = [] }: Message): InferenceChunk | undefined {
  if (type >= REPLIES_FROM && !KNOWN_REPLIES.has(type)) return undefined
  if (type === REPLY.output) return { type: 'output', index, output: attach(control, data) }
  const named = FIELDS.get(type as typeof REPLY.delta)
  if (named !== undefined) return { ...fieldsOf(attach(control, data)), type: named, index } as InferenceChunk
  if (data.length > 0) throw new ProtocolViolationError('A reply brought data that it cannot have.')
  if (type === TYPE.done) {
    return { type: 'done', index, ...decodeControl(Done, control) } as SentDone
  }
  if (type !== REPLY.text) throw new ProtocolViolationError(`There is no reply of type ${type}.`)
  if (!isUtf8(control)) throw new ProtocolViolationError('A reply is text that is not UTF-8.')
  return {
    type: 'text',
    index,
    text: Buffer.from(control.buffer, control.byteOffset, control.byteLength).toString()
  }
}

function fieldsOf(body: unknown): object {
  if (!isRecord(body)) throw new ProtocolViolationError('A reply is not a record of fields.')
  return body
}
