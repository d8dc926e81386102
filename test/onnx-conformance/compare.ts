/** Whether an answer is the expected one, as ONNX's own runner of these cases compares them. */

import type { Tensor, TensorType } from '../../interface/tasks/tensor.ts'

/** Those of ONNX's runner. */
const RELATIVE = 1e-3
const ABSOLUTE = 1e-7

type Numbers = ArrayLike<number | bigint>

const ARRAYS: Readonly<Record<TensorType, new (bytes: ArrayBuffer) => Numbers>> = {
  float16: Float16Array,
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
}

/** @returns what differs, or `undefined`. */
export function differenceOf(got: Tensor | undefined, expected: Tensor): string | undefined {
  if (got === undefined) return 'is missing'
  if (got.type !== expected.type) return `is ${got.type}, not ${expected.type}`
  if (got.dims.join() !== expected.dims.join()) return `is [${got.dims}], not [${expected.dims}]`
  const [values, wanted] = [numbersOf(got), numbersOf(expected)]
  for (let i = 0; i < wanted.length; i++) {
    if (!isClose(values[i]!, wanted[i]!)) return `has ${values[i]} at ${i}, not ${wanted[i]}`
  }
  return undefined
}

const numbersOf = ({ type, data }: Tensor): Numbers => new ARRAYS[type](Uint8Array.from(data).buffer)

function isClose(got: number | bigint, expected: number | bigint): boolean {
  if (typeof got === 'bigint' || typeof expected === 'bigint') return got === expected
  if (Object.is(got, expected) || got === expected) return true
  if (!Number.isFinite(got) || !Number.isFinite(expected)) return false
  return Math.abs(got - expected) <= ABSOLUTE + RELATIVE * Math.abs(expected)
}
