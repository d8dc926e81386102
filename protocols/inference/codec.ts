/**
 * `/lumos/inference/1`: requests and answers as messages (see `../messages.ts`).
 *
 *     dialer    request   control: id, task, input, model, params, budgetMs
 *               cancel
 *     listener  text      control: the text itself, UTF-8
 *               output    control: the output
 *               done      control: usage, finishReason
 *               error     control: see `../errors.ts`
 */

import { isUtf8 } from 'node:buffer'
import * as z from 'zod'
import { ProtocolViolationError } from '../../interface/errors.ts'
import {
  FINISH_REASONS,
  type InferenceChunk,
  type InferenceRequest,
  MAX_BUDGET_MS
} from '../../interface/inference.ts'
import { ModelId } from '../../interface/names.ts'
import { TASK_NAMES, TASKS, type TaskName, TENSOR_TYPES } from '../../interface/tasks.ts'
import { attach, check, type Detached, decodeControl, detach, encodeControl } from '../control.ts'
import { encodeError } from '../errors.ts'
import type { FrameInit } from '../frames.ts'
import { type Message, messageFrames, TYPE } from '../messages.ts'

export const INFERENCE_PROTOCOL = '/lumos/inference/1'

/** Kinds of reply beside `done` and `error`. */
const REPLY = { text: 16, output: 17 } as const

const Request = z.strictObject({
  id: z.string().min(1).max(128),
  task: z.enum(TASK_NAMES),
  model: ModelId.optional(),
  /** Held to its task's schema by whoever runs it. */
  input: z.unknown(),
  params: z.record(z.string(), z.unknown()),
  budgetMs: z.number().positive().max(MAX_BUDGET_MS)
})

const Count = z.int().min(0).optional()
const Done = z.strictObject({
  usage: z.strictObject({ inputTokens: Count, outputTokens: Count }),
  finishReason: z.enum(FINISH_REASONS)
})

/** @throws {InvalidInputError} when the input or params cannot be sent. */
export const encodeRequest = ({ id, task, input, model, params, budgetMs }: InferenceRequest): Detached =>
  // Keys in the order of the encoding: nothing to sort.
  detach({ id, task, input, model, params, budgetMs })

/** @throws {ProtocolViolationError} when it is not a request. */
export const decodeRequest = (control: Uint8Array, data: readonly Uint8Array[]): InferenceRequest =>
  check(Request, attach(control, data))

export function chunkFrames(call: number, chunk: InferenceChunk): Iterable<FrameInit> {
  switch (chunk.type) {
    case 'text':
      return messageFrames(REPLY.text, call, chunk.index, Buffer.from(chunk.text))
    case 'output': {
      const { control, data } = detach(chunk.output)
      return messageFrames(REPLY.output, call, chunk.index, control, data)
    }
    case 'done': {
      const { usage, finishReason } = chunk
      return messageFrames(TYPE.done, call, chunk.index, encodeControl({ usage, finishReason }))
    }
  }
}

export const errorFrames = (call: number, thrown: unknown): Iterable<FrameInit> =>
  messageFrames(TYPE.error, call, 0, encodeError(thrown))

/**
 * The chunk a reply holds, for a call that does `task`.
 *
 * @throws {ProtocolViolationError} when it is not a chunk of that task.
 */
export function decodeChunk({ type, index, control, data = [] }: Message, task: TaskName): InferenceChunk {
  if (type === REPLY.output) {
    return { type: 'output', index, output: checkedOutput(task, attach(control, data)) }
  }
  if (data.length > 0) throw new ProtocolViolationError('A reply brought data that it cannot have.')
  if (type === TYPE.done) {
    const { usage, finishReason } = decodeControl(Done, control)
    return { type: 'done', index, finishReason, usage }
  }
  if (type !== REPLY.text) throw new ProtocolViolationError(`There is no reply of type ${type}.`)
  if (task !== 'text-generation' || !isUtf8(control)) {
    throw new ProtocolViolationError('A reply is text, and must not be or is not UTF-8.')
  }
  return {
    type: 'text',
    index,
    text: Buffer.from(control.buffer, control.byteOffset, control.byteLength).toString()
  }
}

/** Tensors come most often and are the largest: proving them right by hand takes a tenth of the time. */
function checkedOutput(task: TaskName, output: unknown): unknown {
  return task === 'tensor' && isTensors(output) ? output : check(TASKS[task].output, output)
}

/** Whether `output` is certainly what the schema of `tensor` accepts; on false, ask the schema. */
export function isTensors(output: unknown): boolean {
  if (!isRecord(output) || !isRecord(output.tensors) || Object.keys(output).length !== 1) return false
  let count = 0
  for (const name in output.tensors) {
    if (++count > 64 || name.length === 0 || name.length > 128) return false
    if (!isTensor(output.tensors[name])) return false
  }
  return true
}

function isTensor(tensor: unknown): boolean {
  if (!isRecord(tensor)) return false
  const { type, dims, data } = tensor
  if (Object.keys(tensor).length !== 3 || !(data instanceof Uint8Array) || !Array.isArray(dims)) return false
  if (typeof type !== 'string' || !Object.hasOwn(TENSOR_TYPES, type) || dims.length > 16) return false
  let bytes: number = TENSOR_TYPES[type as keyof typeof TENSOR_TYPES]
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0 || dim > 0x7fff_ffff) return false
    bytes *= dim
  }
  return bytes === data.byteLength
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
