/** Graphs in the form of SCRFD and ArcFace, whose answers are known: a bright square is a face, and its colours are whose. */

import { ALIGNED_POINTS, ALIGNED_SIDE } from '../../capabilities/engines/onnx/faces/alignment.ts'
import { bytes, FLOAT, node, number, shaped } from './onnx-graph.ts'

/** Pixels of the picture that the detector takes. */
const SIDE = 64
const STRIDES = [8, 16, 32]
/** How bright a square must be: of the mean of its colours, the score is so many times as much. */
const GAIN = 1.5
const INTS = 7
const INT64 = 7

const weights = (name: string, dims: readonly number[], type: number, data: Buffer): Buffer =>
  bytes(5, ...dims.map(dim => number(1, dim)), number(2, type), bytes(8, name), bytes(9, data))
const floats = (name: string, dims: readonly number[], values: readonly number[]): Buffer =>
  weights(name, dims, FLOAT, Buffer.from(Float32Array.from(values).buffer))
const sizes = (name: string, ...values: number[]): Buffer =>
  weights(name, [values.length], INT64, Buffer.from(BigInt64Array.from(values, BigInt).buffer))
const ints = (name: string, ...values: number[]): Buffer =>
  Buffer.concat([bytes(1, name), ...values.map(value => number(8, value)), number(20, INTS)])
const means = (input: string, output: string, side: number): Buffer =>
  node('AveragePool', [input], output, ints('kernel_shape', side, side), ints('strides', side, side))

const graph = (parts: readonly Buffer[], input: Buffer, outputs: readonly Buffer[]): Buffer =>
  Buffer.concat([
    number(1, 8),
    bytes(7, ...parts, bytes(2, 'graph'), bytes(11, input), ...outputs.map(output => bytes(12, output))),
    bytes(8, number(2, 13))
  ])

/**
 * Finds the squares of an eight by eight grid that are bright. The box of a face is its square, and its points lie in it
 * as ArcFace wants them.
 *
 * @param mark what it says of the two coarser grids.
 */
export function finds(mark = -1): Buffer {
  const parts = [
    means('x', 'cells', 8),
    node('ReduceMean', ['cells'], 'grey', ints('axes', 1)),
    node('Mul', ['grey', 'gain'], 'bright'),
    node('Reshape', ['bright', 'column'], 'one'),
    node('Concat', ['one', 'one'], 'both', Buffer.concat([bytes(1, 'axis'), number(3, 1), number(20, 2)])),
    node('Reshape', ['both', 'anchors'], 'score_8'),
    floats('gain', [1], [GAIN]),
    sizes('column', 64, 1),
    sizes('anchors', 128, 1)
  ]
  const outputs: Buffer[] = []
  for (const stride of STRIDES) {
    const anchors = 2 * (SIDE / stride) ** 2
    const said: [string, number[]][] = [
      ['score', [mark]],
      ['box', [0, 0, 1, 1]],
      ['points', ALIGNED_POINTS.flatMap(point => point.map(value => value / ALIGNED_SIDE))]
    ]
    for (const [what, values] of said) {
      const name = `${what}_${stride}`
      outputs.push(shaped(name, FLOAT, [anchors, values.length]))
      if (name === 'score_8') continue
      const all = Array.from({ length: anchors }, () => values).flat()
      parts.push(
        floats(`${name}_all`, [anchors, values.length], all),
        node('Identity', [`${name}_all`], name)
      )
    }
  }
  return graph(parts, shaped('x', FLOAT, [1, 3, SIDE, SIDE]), outputs)
}

/**
 * A face is the mean colours of its sixteen parts.
 *
 * @param count of faces that the graph takes at once; a name stands for any.
 */
export const embeds = (count: number | string = 1): Buffer =>
  graph(
    [
      means('x', 'parts', ALIGNED_SIDE / 4),
      node('Reshape', ['parts', 'row'], 'vector'),
      sizes('row', -1, 48)
    ],
    shaped('x', FLOAT, [count, 3, ALIGNED_SIDE, ALIGNED_SIDE]),
    [shaped('vector', FLOAT, [count, 48])]
  )
