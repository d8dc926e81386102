/** Between the tensors of a request, which are bytes, and those of onnxruntime. */

import { type InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import { EngineFailedError, InvalidInputError } from '../../../interface/errors.ts'
import type { Tensor, TensorType } from '../../../interface/tasks/tensor.ts'

type Metadata = readonly InferenceSession.ValueMetadata[]

/** How the elements of each type lie in memory. Both sides are little-endian, as every machine Node runs on. */
const ARRAYS = {
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array
} as const satisfies Record<TensorType, unknown>

/**
 * The tensors as a graph with these inputs takes them.
 *
 * @throws {InvalidInputError} naming the input, what the graph expects and what it got.
 */
export function feedsOf(
  tensors: Readonly<Record<string, Tensor>>,
  inputs: Metadata
): Record<string, OrtTensor> {
  const names = inputs.map(({ name }) => name)
  const unknown = Object.keys(tensors).find(name => !names.includes(name))
  if (unknown !== undefined) throw refused(unknown, `one of ${names.join(', ')}`, 'an unknown name')

  const feeds: Record<string, OrtTensor> = {}
  for (const input of inputs) {
    const tensor = Object.hasOwn(tensors, input.name) ? tensors[input.name] : undefined
    if (tensor === undefined) throw refused(input.name, describe(input), 'nothing')
    if (!fits(tensor, input)) throw refused(input.name, describe(input), `${tensor.type}[${tensor.dims}]`)
    feeds[input.name] = new OrtTensor(tensor.type, elementsOf(tensor) as Float32Array, tensor.dims)
  }
  return feeds
}

/** @throws {EngineFailedError} when an output is of a type that cannot be passed on. */
export function outputsOf(outputs: InferenceSession.ReturnType): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {}
  for (const [name, { type, dims, data }] of Object.entries(outputs)) {
    if (!isTensorType(type) || !ArrayBuffer.isView(data)) {
      throw new EngineFailedError(`The output "${name}" is of type ${type}, which is not supported.`)
    }
    tensors[name] = {
      type,
      dims: [...dims],
      data: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength)
    }
  }
  return tensors
}

const isTensorType = (type: string): type is TensorType => Object.hasOwn(ARRAYS, type)

function fits(tensor: Tensor, input: InferenceSession.ValueMetadata): boolean {
  if (!input.isTensor || input.type !== tensor.type) return false
  // The runtime reports an unknown shape and a scalar alike, and checks the first itself.
  if (input.shape.length === 0) return true
  return (
    input.shape.length === tensor.dims.length &&
    // A named dimension, such as the batch, takes any size.
    input.shape.every((size, axis) => typeof size === 'string' || size < 0 || size === tensor.dims[axis])
  )
}

/** A view where the bytes are aligned for their type, else a copy. */
function elementsOf({ type, data }: Tensor): object {
  const Elements = ARRAYS[type]
  const size = Elements.BYTES_PER_ELEMENT
  const aligned = data.byteOffset % size === 0 ? data : new Uint8Array(data)
  return new Elements(aligned.buffer as ArrayBuffer, aligned.byteOffset, data.byteLength / size)
}

const describe = (input: InferenceSession.ValueMetadata): string =>
  input.isTensor ? `${input.type}[${input.shape}]` : 'something that is no tensor'

const refused = (name: string, expected: string, got: string): InvalidInputError =>
  new InvalidInputError(`Input "${name}": expected ${expected}, got ${got}.`, {
    details: { field: `input.tensors.${name}`, expected, got }
  })
