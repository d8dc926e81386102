/** What the quantiser reads and writes of ONNX: nodes and tensors. The numbers of fields are those of onnx.proto. */

import { LumosError } from '../../interface/errors.ts'
import { delimited, type Field, fieldsOf, integer, numbersIn } from './protobuf.ts'

export const MODEL = { graph: 7, opset: 8 } as const
export const GRAPH = { node: 1, initializer: 5, input: 11, output: 12 } as const
const OPSET = { domain: 1, version: 2 } as const
const VALUE = { name: 1 } as const
const NODE = { input: 1, output: 2, operation: 4, attribute: 5, domain: 7 } as const
const ATTRIBUTE = { name: 1, float: 2, integer: 3, graph: 6, graphs: 11, type: 20 } as const
const TENSOR = { dims: 1, type: 2, floats: 4, name: 8, raw: 9, location: 14 } as const
/** Types of numbers. */
export const FLOAT = 1
export const INT8 = 3
/** A type of attributes. */
const INTEGER = 2
const EXTERNAL = 1
/** Graphs within graphs; a deeper one is made to exhaust its reader. */
const DEPTH_MAX = 8

export interface Node {
  /** Empty for one of another domain than ONNX's own, where a name may mean anything. */
  readonly operation: string
  readonly inputs: readonly string[]
  readonly output: string
  /** Those that are one number. */
  readonly numbers: Readonly<Record<string, number>>
  /** What the graphs within it take. */
  readonly inner: readonly string[]
  readonly field: Field
}

export interface Tensor {
  readonly name: string
  readonly dims: readonly number[]
  readonly values: Float32Array
}

export const of = (fields: readonly Field[], wanted: number): Field[] =>
  fields.filter(({ number }) => number === wanted)

const textIn = (fields: readonly Field[], wanted: number): string =>
  String(of(fields, wanted)[0]?.bytes ?? '')

const isOwn = (domain: string): boolean => domain === '' || domain === 'ai.onnx'

/** The version of ONNX's own operations; 0 where none is stated. */
export function opsetOf(model: readonly Field[]): number {
  const own = of(model, MODEL.opset)
    .map(({ bytes }) => [...fieldsOf(bytes)])
    .find(opset => isOwn(textIn(opset, OPSET.domain)))
  return (own && of(own, OPSET.version)[0]?.value) ?? 0
}

/** Of an input or an output of a graph. */
export const valueName = ({ bytes }: Field): string => textIn([...fieldsOf(bytes)], VALUE.name)

export function nodeOf(field: Field, depth = 0): Node {
  if (depth > DEPTH_MAX) throw new LumosError('MODEL_INVALID', 'Graphs lie too deep within its graph.')
  const fields = [...fieldsOf(field.bytes)]
  const attributes = of(fields, NODE.attribute).map(({ bytes }) => [...fieldsOf(bytes)])
  const graphs = attributes.flatMap(parts => [...of(parts, ATTRIBUTE.graph), ...of(parts, ATTRIBUTE.graphs)])
  const within = graphs.flatMap(({ bytes }) => of([...fieldsOf(bytes)], GRAPH.node))
  return {
    operation: isOwn(textIn(fields, NODE.domain)) ? textIn(fields, NODE.operation) : '',
    inputs: of(fields, NODE.input).map(({ bytes }) => String(bytes)),
    output: textIn(fields, NODE.output),
    numbers: Object.fromEntries(attributes.map(parts => [textIn(parts, ATTRIBUTE.name), numberOf(parts)])),
    inner: within.map(each => nodeOf(each, depth + 1)).flatMap(({ inputs, inner }) => [...inputs, ...inner]),
    field
  }
}

const numberOf = (attribute: readonly Field[]): number => {
  const [float] = of(attribute, ATTRIBUTE.float)
  return float?.bytes.length === 4
    ? float.bytes.readFloatLE()
    : (of(attribute, ATTRIBUTE.integer)[0]?.value ?? 0)
}

export const tensorName = ({ bytes }: Field): string => textIn([...fieldsOf(bytes)], TENSOR.name)

/**
 * A tensor of 32-bit numbers; nothing for one of others, a smaller one, or one without two sizes.
 *
 * @throws {LumosError} `NOT_SUPPORTED` where its numbers lie in another file, `MODEL_INVALID` where they are too few or too many.
 */
export function tensorOf({ bytes }: Field, numbersMin: number): Tensor | undefined {
  const fields = [...fieldsOf(bytes)]
  const dims = of(fields, TENSOR.dims).flatMap(numbersIn)
  const numbers = dims.reduce((product, size) => product * size, 1)
  const isFloat = of(fields, TENSOR.type)[0]?.value === FLOAT
  if (!isFloat || dims.length < 2 || numbers < numbersMin) return undefined
  const name = textIn(fields, TENSOR.name)
  if (of(fields, TENSOR.location)[0]?.value === EXTERNAL)
    throw new LumosError('NOT_SUPPORTED', 'Its weights lie in a file beside the graph, which is not read.')
  const raw = [...of(fields, TENSOR.raw), ...of(fields, TENSOR.floats)]
  const given = raw.reduce((sum, each) => sum + each.bytes.length, 0)
  if (given !== numbers * Float32Array.BYTES_PER_ELEMENT)
    throw new LumosError('MODEL_INVALID', `The weights ${name} are not as many as their sizes say.`)
  const values = new Float32Array(numbers)
  const target = Buffer.from(values.buffer)
  let at = 0
  for (const each of raw) at += each.bytes.copy(target, at)
  return { name, dims, values }
}

export const attribute = (name: string, value: number): Buffer =>
  Buffer.concat([
    ...delimited(ATTRIBUTE.name, name),
    integer(ATTRIBUTE.integer, value),
    integer(ATTRIBUTE.type, INTEGER)
  ])

export const node = (
  operation: string,
  inputs: readonly string[],
  outputs: readonly string[],
  ...attributes: Buffer[]
): Buffer[] =>
  delimited(
    GRAPH.node,
    ...inputs.flatMap(input => delimited(NODE.input, input)),
    ...outputs.flatMap(output => delimited(NODE.output, output)),
    ...delimited(NODE.operation, operation),
    ...attributes.flatMap(each => delimited(NODE.attribute, each))
  )

export const initializer = (name: string, type: number, dims: readonly number[], numbers: Buffer): Buffer[] =>
  delimited(
    GRAPH.initializer,
    ...dims.map(size => integer(TENSOR.dims, size)),
    integer(TENSOR.type, type),
    ...delimited(TENSOR.name, name),
    ...delimited(TENSOR.raw, numbers)
  )
