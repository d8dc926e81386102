/**
 * What can be asked: each task's input, parameters and output, as one schema.
 *
 * Names are the field's (Hugging Face pipelines), plus `tensor` for any ONNX
 * graph with named tensors. Everything else that describes a task (units, CLI
 * help, HTTP) is derived from here.
 */

import * as z from 'zod'
import { InvalidInputError } from './errors.ts'
import { TENSOR_BYTES_MAX } from './inference.ts'

/** Decoded pictures are bounded by the engine; this bounds the file. 25 MiB is what phones produce at most. */
export const IMAGE_BYTES_MAX = 25 * 1024 * 1024

const DATA_URL = /^data:[\w.+/-]*;base64,/

/** Bytes in process; in JSON, base64 or a base64 data URL. */
const Bytes = z.union([
  z.instanceof(Uint8Array),
  z
    .string()
    .transform(text => text.replace(DATA_URL, ''))
    .pipe(z.base64())
    .transform(text => Uint8Array.from(Buffer.from(text, 'base64')))
])

const bytesMax = (limit: number) =>
  Bytes.refine(bytes => bytes.byteLength <= limit, { error: `holds more than ${limit} bytes` })

/** Element types of a tensor and their bytes per element. */
export const TENSOR_TYPES = {
  float32: 4,
  float64: 8,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  bool: 1
} as const

export type TensorType = keyof typeof TENSOR_TYPES

/** A dense tensor: row-major, little-endian. */
export const Tensor = z
  .strictObject({
    type: z.enum(Object.keys(TENSOR_TYPES) as [TensorType, ...TensorType[]]),
    dims: z.array(z.int().min(0).max(0x7fff_ffff)).max(16),
    data: bytesMax(TENSOR_BYTES_MAX)
  })
  .refine(
    ({ type, dims, data }) => dims.reduce((n, dim) => n * dim, TENSOR_TYPES[type]) === data.byteLength,
    {
      error: 'dims, type and data disagree about the number of bytes'
    }
  )
export type Tensor = z.infer<typeof Tensor>

/** Whether all tensors together are within their bound. */
const fitTogether = (tensors: Readonly<Record<string, { data: Uint8Array }>>): boolean =>
  Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0) <= TENSOR_BYTES_MAX

/** Named tensors: at most 64, as many as the attachments of one message. */
const Tensors = z
  .record(z.string().min(1).max(128), Tensor)
  .refine(tensors => Object.keys(tensors).length <= 64, { error: 'more than 64 tensors' })
  .refine(fitTogether, { error: `more than ${TENSOR_BYTES_MAX} bytes together` })

/**
 * Whether `value` is certainly what the schemas of `tensor` accept, and has their form already: then they
 * need not be asked, which takes ten times as long. On false, they know.
 */
export function isTensors(value: unknown): boolean {
  if (!isRecord(value) || size(value) !== 1) return false
  const { tensors } = value
  if (!isRecord(tensors) || size(tensors) > 64) return false
  for (const name in tensors) {
    if (name.length < 1 || name.length > 128 || !isTensor(tensors[name])) return false
  }
  return fitTogether(tensors as Record<string, Tensor>)
}

function isTensor(value: unknown): boolean {
  if (!isRecord(value) || size(value) !== 3) return false
  const { type, dims, data } = value
  if (!(data instanceof Uint8Array) || data.byteLength > TENSOR_BYTES_MAX) return false
  if (typeof type !== 'string' || !Object.hasOwn(TENSOR_TYPES, type)) return false
  if (!Array.isArray(dims) || dims.length > 16) return false
  let bytes: number = TENSOR_TYPES[type as TensorType]
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0 || dim > 0x7fff_ffff) return false
    bytes *= dim
  }
  return bytes === data.byteLength
}

/** Members of a record; a list of them is not made for that. */
function size(record: Record<string, unknown>): number {
  let count = 0
  for (const _ in record) count++
  return count
}

/** Whether `value` is a plain object, as decoding makes them. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.getPrototypeOf(value) === Object.prototype

/** A prompt above this is refused before any model sees it: 1 MiB is over 200,000 tokens. */
const TEXT_CHARS_MAX = 1024 * 1024

const Message = z.object({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string().max(TEXT_CHARS_MAX)
})
export type Message = z.infer<typeof Message>

export const TASKS = {
  'image-classification': {
    summary: 'Say what an image shows.',
    input: z.strictObject({ image: bytesMax(IMAGE_BYTES_MAX) }),
    params: z.strictObject({ topK: z.int().min(1).max(1000).default(5) }),
    output: z.object({
      labels: z.array(z.object({ label: z.string(), score: z.number().min(0).max(1) })).max(1000)
    })
  },
  tensor: {
    summary: 'Run a graph on named tensors.',
    input: z.strictObject({ tensors: Tensors }),
    params: z.strictObject({}),
    output: z.object({ tensors: Tensors })
  },
  'text-generation': {
    summary: 'Continue a conversation.',
    input: z.strictObject({ messages: z.array(Message).min(1).max(1024) }),
    params: z.strictObject({ maxTokens: z.int().min(1).max(1_000_000).default(1024) }),
    /** The answer comes as text chunks; this is their sum. */
    output: z.object({ text: z.string() })
  }
} as const

export type TaskName = keyof typeof TASKS
export const TASK_NAMES = Object.keys(TASKS) as [TaskName, ...TaskName[]]

/** The name of a task as it travels: a newer peer may know tasks that this node does not. */
export const TaskText = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]+(?:[-._][a-z0-9]+)*$/, 'lower case letters, digits and -._ only')

export const isTaskName = (task: string): task is TaskName => Object.hasOwn(TASKS, task)

export type TaskInput<T extends TaskName> = z.infer<(typeof TASKS)[T]['input']>
export type TaskParams<T extends TaskName> = z.infer<(typeof TASKS)[T]['params']>
export type TaskOutput<T extends TaskName> = z.infer<(typeof TASKS)[T]['output']>

/**
 * A request's input and parameters, with defaults filled in.
 *
 * @throws {InvalidInputError} naming the first field that is wrong.
 */
export function parseInput<T extends TaskName>(
  task: T,
  input: unknown,
  params: unknown
): { input: TaskInput<T>; params: TaskParams<T> } {
  return {
    input: parsePart(TASKS[task].input, input, 'input') as TaskInput<T>,
    params: parsePart(TASKS[task].params, params, 'params') as TaskParams<T>
  }
}

function parsePart(schema: z.ZodType, value: unknown, part: string): unknown {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const where = [part, ...issue!.path.map(String)].join('.')
  throw new InvalidInputError(`${where}: ${issue!.message}`)
}
