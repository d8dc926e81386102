/** ONNX models that no tool would make. */

import type { TensorType } from '../../interface/tasks/tensor.ts'
import { bytes, number, varint } from './onnx-graph.ts'

const [FLOAT, INT64, BOOL] = [1, 7, 9]
/** Kinds of attributes. */
const [ATTRIBUTE_GRAPH, ATTRIBUTE_TENSOR] = [5, 4]
const INT64_MAX = 2n ** 63n - 1n

/** A value of any size. */
const value = (name: string, type = FLOAT, dimensions = 1): Buffer =>
  Buffer.concat([
    bytes(1, name),
    bytes(
      2,
      bytes(
        1,
        number(1, type),
        bytes(2, ...Array.from({ length: dimensions }, () => bytes(1, bytes(2, 'n'))))
      )
    )
  ])

interface Node {
  readonly operation: string
  readonly from?: readonly string[]
  readonly to?: readonly string[]
  readonly domain?: string
  readonly attributes?: readonly Buffer[]
}

const node = ({ operation, from = ['x'], to = ['y'], domain = '', attributes = [] }: Node): Buffer =>
  Buffer.concat([
    ...from.map(name => bytes(1, name)),
    ...to.map(name => bytes(2, name)),
    bytes(4, operation),
    ...attributes.map(attribute => bytes(5, attribute)),
    bytes(7, domain)
  ])

interface Graph {
  readonly nodes: readonly Node[]
  readonly weights?: readonly Buffer[]
  readonly inputs?: readonly Buffer[]
  readonly outputs?: readonly Buffer[]
}

const graph = ({ nodes, weights = [], inputs = [value('x')], outputs = [value('y')] }: Graph): Buffer =>
  Buffer.concat([
    ...nodes.map(one => bytes(1, node(one))),
    bytes(2, 'graph'),
    ...weights.map(one => bytes(5, one)),
    ...inputs.map(one => bytes(11, one)),
    ...outputs.map(one => bytes(12, one))
  ])

/** @param domain a second one that its operations may be of. */
export const modelOf = (
  given: Graph,
  { domain, functions = [] }: { domain?: string; functions?: readonly Buffer[] } = {}
): Buffer =>
  Buffer.concat([
    number(1, 8),
    bytes(7, graph(given)),
    bytes(8, number(2, 16)),
    ...(domain === undefined ? [] : [bytes(8, bytes(1, domain), number(2, 1))]),
    ...functions.map(one => bytes(25, one))
  ])

/** A number of 64 bits, also a negative one. */
const long = (field: number, given: bigint): Buffer =>
  Buffer.from([...varint(field * 8), ...longVarint(BigInt.asUintN(64, given))])
const longVarint = (given: bigint): number[] =>
  given < 128n ? [Number(given)] : [Number(given % 128n) | 128, ...longVarint(given / 128n)]

const tensor = (name: string, type: number, dims: readonly bigint[], ...more: Buffer[]): Buffer =>
  Buffer.concat([...dims.map(dim => long(1, dim)), number(2, type), bytes(8, name), ...more])

const RAW = 9
const one = (name: string, given: bigint): Buffer => {
  const raw = Buffer.alloc(8)
  raw.writeBigInt64LE(given)
  return tensor(name, INT64, [], bytes(RAW, raw))
}
const yes = (name: string): Buffer => tensor(name, BOOL, [], bytes(RAW, Buffer.from([1])))

const subgraph = (name: string, body: Buffer): Buffer =>
  Buffer.concat([bytes(1, name), bytes(6, body), number(20, ATTRIBUTE_GRAPH)])
const tensorAttribute = (name: string, given: Buffer): Buffer =>
  Buffer.concat([bytes(1, name), bytes(5, given), number(20, ATTRIBUTE_TENSOR)])

const add: Node = { operation: 'Add', from: ['x', 'w'] }

/** Weights of `dims`, and no data. */
export const declares = (dims: readonly bigint[]): Buffer =>
  modelOf({ nodes: [add], weights: [tensor('w', FLOAT, dims)] })

/** Weights of `size` numbers at a place in another file. */
export const readsAt = (location: string, offset: bigint, size = 4n, length = size * 4n): Buffer => {
  const entries = { location, offset: String(offset), length: String(length) }
  const external = Object.entries(entries).map(([key, text]) => bytes(13, bytes(1, key), bytes(2, text)))
  return modelOf({ nodes: [add], weights: [tensor('w', FLOAT, [size], ...external, number(14, 1))] })
}

/** A constant of `size` numbers, which the runtime may make when it loads the graph. */
export const makesConstant = (size: bigint): Buffer =>
  modelOf({
    nodes: [
      {
        ...{ operation: 'ConstantOfShape', from: ['size'], to: ['w'] },
        attributes: [
          tensorAttribute('value', tensor('v', FLOAT, [1n], bytes(RAW, Buffer.from([0, 0, 128, 63]))))
        ]
      },
      add
    ],
    weights: [tensor('size', INT64, [1n], bytes(RAW, Buffer.from(new BigInt64Array([size]).buffer)))]
  })

/** Counts to 2^63. */
export const loops = (): Buffer => {
  const body = graph({
    nodes: [
      { operation: 'Identity', from: ['go'], to: ['on'] },
      { operation: 'Identity', from: ['state'], to: ['next'] }
    ],
    inputs: [value('turn', INT64, 0), value('go', BOOL, 0), value('state')],
    outputs: [value('on', BOOL, 0), value('next')]
  })
  return modelOf({
    nodes: [{ operation: 'Loop', from: ['turns', 'yes', 'x'], attributes: [subgraph('body', body)] }],
    weights: [one('turns', INT64_MAX), yes('yes')]
  })
}

/** Branches within branches. */
export const nests = (depth: number): Buffer => {
  const branch = (to: string, operation: Node) =>
    graph({ nodes: [{ ...operation, to: [to] }], inputs: [], outputs: [value(to)] })
  const otherwise = subgraph('else_branch', branch('z', { operation: 'Neg' }))
  const choice = (then: Buffer): Node => ({
    ...{ operation: 'If', from: ['yes'] },
    attributes: [subgraph('then_branch', then), otherwise]
  })
  let inner = branch('y0', { operation: 'Neg' })
  for (let at = 1; at < depth; at++) inner = branch(`y${at}`, choice(inner))
  return modelOf({ nodes: [choice(inner)], weights: [yes('yes')] })
}

/** Functions of the model's own; the last one calls the first. */
export const calls = (names: readonly string[]): Buffer =>
  modelOf(
    { nodes: [{ operation: names[0]!, domain: 'own' }] },
    {
      domain: 'own',
      functions: names.map((name, at) =>
        Buffer.concat([
          ...[bytes(1, name), bytes(4, 'x'), bytes(5, 'y')],
          bytes(7, node({ operation: names[(at + 1) % names.length]!, domain: 'own' })),
          ...[bytes(9, number(2, 16)), bytes(9, bytes(1, 'own'), number(2, 1)), bytes(10, 'own')]
        ])
      )
    }
  )

/** One operation after another: `length`, and one before and after them. */
export const chain = (length: number): Buffer => {
  const step = (from: string, to: string): Buffer =>
    bytes(1, node({ operation: 'Neg', from: [from], to: [to] }))
  const one = step(link(0), link(1))
  const steps = Buffer.alloc(one.length * length, one)
  const places = [one.indexOf(link(0)), one.indexOf(link(1))]
  for (let at = 0; at < length; at++) {
    for (const [ahead, place] of places.entries()) {
      const number = at + ahead
      const start = at * one.length + place
      for (let digit = 0; digit < LINK_DIGITS; digit++) steps[start + digit] = digitOf(number, digit)
    }
  }
  return Buffer.concat([
    number(1, 8),
    bytes(7, step('x', link(0)), steps, step(link(length), 'y'), graph({ nodes: [] })),
    bytes(8, number(2, 16))
  ])
}
const LINK_DIGITS = 4
/** Of 64, each a character that can be printed. */
const digitOf = (number: number, digit: number): number => 48 + ((number >> (6 * digit)) & 63)
/** Name of a value between two operations. */
const link = (number: number): string =>
  String.fromCharCode(...Array.from({ length: LINK_DIGITS }, (_, digit) => digitOf(number, digit)))

/** By the numbers that ONNX has for element types. */
const NUMBERS: Readonly<Record<TensorType, number>> = {
  ...{ float32: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, bool: 9, float16: 10 },
  ...{ float64: 11, uint32: 12, uint64: 13 }
}

/** Answers each input, which is called as its type, with `same TYPE`. Their shapes are not said. */
export const repeats = (types: readonly TensorType[]): Buffer => {
  const unshaped = (name: string, type: TensorType): Buffer =>
    Buffer.concat([bytes(1, name), bytes(2, bytes(1, number(1, NUMBERS[type])))])
  return modelOf({
    nodes: types.map(type => ({ operation: 'Identity', from: [type], to: [`same ${type}`] })),
    inputs: types.map(type => unshaped(type, type)),
    outputs: types.map(type => unshaped(`same ${type}`, type))
  })
}
