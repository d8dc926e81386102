/** Numbers as steps around 0. */

import type { Tensor } from './onnx.ts'

/** Of a tensor of the same sizes; both in little-endian. */
export interface Steps {
  /** int8 */
  readonly steps: Buffer
  /** float32: a number is its step times the scale of its place along the axis. */
  readonly scales: Buffer
}

/**
 * @param axis along which each place has a scale of its own; none: one for all.
 * @param most the largest step, 127 at most.
 */
export function stepsOf({ dims, values }: Tensor, axis: number | undefined, most: number): Steps {
  const places = axis === undefined ? 1 : dims[axis]!
  // Numbers that lie one after the other at the same place of the axis.
  const run = axis === undefined ? values.length : sizeOf(dims.slice(axis + 1))
  const largest = new Float64Array(places)
  for (let at = 0, place = 0, rest = run; at < values.length; at++) {
    const size = Math.abs(values[at]!)
    if (size > largest[place]!) largest[place] = size
    if (--rest > 0) continue
    rest = run
    if (++place === places) place = 0
  }
  // Of zeros alone, any scale will do.
  const scales = Float32Array.from(largest, size => (size === 0 ? 1 : size / most))
  const steps = new Int8Array(values.length)
  for (let at = 0, place = 0, rest = run; at < values.length; at++) {
    const step = values[at]! / scales[place]!
    steps[at] = step < 0 ? step - 0.5 : step + 0.5
    if (--rest > 0) continue
    rest = run
    if (++place === places) place = 0
  }
  return { steps: Buffer.from(steps.buffer), scales: Buffer.from(scales.buffer) }
}

/** Rows become columns. */
export function transposed({ name, dims: [rows, columns], values }: Tensor): Tensor {
  const turned = new Float32Array(values.length)
  for (let row = 0; row < rows!; row++)
    for (let column = 0; column < columns!; column++)
      turned[column * rows! + row] = values[row * columns! + column]!
  return { name, dims: [columns!, rows!], values: turned }
}

const sizeOf = (dims: readonly number[]): number => dims.reduce((product, size) => product * size, 1)
