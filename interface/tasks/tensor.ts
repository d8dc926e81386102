/** Any graph with named tensors: a task of this project's own. */

import * as z from 'zod'
import { TENSOR_BYTES_MAX } from '../limits.ts'
import { isRecord } from '../record.ts'
import { areNear, floatsOf, saysTheSame } from './agreement.ts'
import { bytesMax } from './bytes.ts'
import { defineTask } from './definition.ts'
import { keepAlive } from './keep-alive.ts'

/** Element types of a tensor and their bytes per element. */
export const TENSOR_TYPES = {
  float16: 2,
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
const Tensor = z
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

const bytesOf = (tensors: Readonly<Record<string, { data: Uint8Array }>>): number => {
  let bytes = 0
  for (const name in tensors) bytes += tensors[name]!.data.byteLength
  return bytes
}

/** Named tensors: at most 64, as many as the attachments of one message. */
const Tensors = z
  .record(z.string().min(1).max(128), Tensor)
  .refine(tensors => Object.keys(tensors).length <= 64, { error: 'more than 64 tensors' })
  .refine(tensors => bytesOf(tensors) <= TENSOR_BYTES_MAX, {
    error: `more than ${TENSOR_BYTES_MAX} bytes together`
  })

/** The twin of both schemas, which take ten times as long. */
function isTensors(value: unknown): boolean {
  if (!isRecord(value) || size(value) !== 1) return false
  const { tensors } = value
  if (!isRecord(tensors) || size(tensors) > 64) return false
  for (const name in tensors) {
    if (name.length < 1 || name.length > 128 || !isTensor(tensors[name])) return false
  }
  return bytesOf(tensors as Record<string, Tensor>) <= TENSOR_BYTES_MAX
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

/** Numbers of other types than float32 are compared byte by byte. */
function isSameTensor(one: Tensor, other: Tensor): boolean {
  if (one.type !== other.type || !saysTheSame(one.dims, other.dims)) return false
  return one.type === 'float32'
    ? areNear(floatsOf(one.data), floatsOf(other.data))
    : saysTheSame(one.data, other.data)
}

export const tensor = defineTask({
  name: 'tensor',
  summary: 'Run a graph on named tensors.',
  input: z.strictObject({ tensors: Tensors }),
  params: z.strictObject({ keepAlive }),
  output: z.object({ tensors: Tensors }),
  raw: true,
  argument: { from: 'json' },
  agrees: ({ tensors: one }, { tensors: other }) =>
    size(one) === size(other) &&
    Object.keys(one).every(name => Object.hasOwn(other, name) && isSameTensor(one[name]!, other[name]!)),
  sizeOf: ({ tensors }) => bytesOf(tensors),
  isInput: isTensors,
  isOutput: isTensors
})
