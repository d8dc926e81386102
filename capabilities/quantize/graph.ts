/** Weights of 32 bits become weights of 8 bits: an ONNX file in, an ONNX file out. */

import { LumosError } from '../../interface/errors.ts'
import {
  attribute,
  FLOAT,
  GRAPH,
  INT8,
  initializer,
  MODEL,
  type Node,
  node,
  nodeOf,
  of,
  opsetOf,
  type Tensor,
  tensorName,
  tensorOf,
  valueName
} from './onnx.ts'
import { delimited, type Field, fieldsOf } from './protobuf.ts'
import { stepsOf, transposed } from './steps.ts'

/** Fewer numbers than this save nothing worth a node of the graph. */
const NUMBERS_MIN = 1024
/** The first in which what a graph computes can become 8 bits while it runs. */
const OPSET_MIN = 11
/** From here on each output of a convolution has a scale of its own; before, one scale holds for all. */
const OPSET_BY_AXIS = 13
const STEPS = 127
/**
 * Of weights that are multiplied as 8 bits. Processors without instructions of their own for that add two products of 255
 * and a step in 16 bits, which more steps would not fit in.
 */
const STEPS_MULTIPLIED = 63

/**
 * What is done with weights. `product`: they stay 8 bits, and what they are multiplied with becomes 8 bits while the graph
 * runs. `filter`: they are made 32 bits before each run. `table`: only the rows that are looked up are.
 */
type Use = 'product' | 'filter' | 'table'

export interface QuantizedGraph {
  /** The file, in pieces. */
  readonly parts: readonly Buffer[]
  /** How many tensors became smaller. */
  readonly tensors: number
}

/**
 * @param onBytes called with the bytes of weights that are done.
 * @throws {LumosError} `MODEL_INVALID` for what is no ONNX file, `NOT_SUPPORTED` where nothing in it can be quantised.
 */
export function quantizeGraph(file: Buffer, onBytes?: (bytes: number) => void): QuantizedGraph {
  const fields = [...fieldsOf(file)]
  const [graph, second] = of(fields, MODEL.graph)
  if (graph === undefined || second !== undefined)
    throw new LumosError('MODEL_INVALID', 'It is no ONNX file: it does not hold one graph.')
  const opset = opsetOf(fields)
  if (opset < OPSET_MIN)
    throw unsupported(
      `its operations are of opset ${opset}, and ${OPSET_MIN} is the first with those of 8 bits`
    )
  const quantized = new Quantizing([...fieldsOf(graph.bytes)], opset >= OPSET_BY_AXIS, onBytes)
  const body = quantized.graph()
  return {
    parts: fields.flatMap(field => (field === graph ? delimited(MODEL.graph, ...body) : [field.whole])),
    tensors: quantized.tensors
  }
}

class Quantizing {
  tensors = 0
  readonly #fields: readonly Field[]
  readonly #byAxis: boolean
  readonly #onBytes: ((bytes: number) => void) | undefined
  readonly #before: Buffer[] = []
  readonly #instead = new Map<Field, Buffer[]>()
  /** What becomes 8 bits while the graph runs: once, however many weights it meets. */
  readonly #small = new Set<string>()

  constructor(fields: readonly Field[], byAxis: boolean, onBytes?: (bytes: number) => void) {
    this.#fields = fields
    this.#byAxis = byAxis
    this.#onBytes = onBytes
  }

  graph(): Buffer[] {
    const nodes = of(this.#fields, GRAPH.node).map(field => nodeOf(field))
    const users = new Map(nodes.flatMap(each => each.inputs.map(name => [name, each] as const)).reverse())
    const uses = this.#uses(nodes)
    const chosen = new Map<string, readonly number[]>()
    let bytes = 0
    for (const field of of(this.#fields, GRAPH.initializer)) {
      const use = uses.get(tensorName(field))
      const tensor = use && tensorOf(field, NUMBERS_MIN)
      if (tensor === undefined || (use !== 'filter' && tensor.dims.length !== 2)) continue
      chosen.set(tensor.name, tensor.dims)
      this.#instead.set(field, this.#weights(tensor, use!, users.get(tensor.name)!))
      this.tensors++
      bytes += tensor.values.byteLength
      this.#onBytes?.(bytes)
    }
    if (this.tensors === 0)
      throw unsupported(
        `no MatMul, Gemm, Conv, ConvTranspose or Gather of it has weights of 32 bits, ${NUMBERS_MIN} numbers or more`
      )
    for (const each of nodes) {
      const { operation, inputs, field } = each
      if (operation === 'Gather' && chosen.has(inputs[0]!)) this.#instead.set(field, lookUp(each))
      if (isProduct(each) && chosen.has(inputs[1]!)) this.#instead.set(field, this.#multiply(each))
    }
    return [...this.#before, ...this.#fields.flatMap(field => this.#instead.get(field) ?? [field.whole])]
  }

  /** Of each name that is used in one way only, and neither given by the caller nor given back. */
  #uses(nodes: readonly Node[]): Map<string, Use> {
    const uses = new Map<string, Use>()
    const others = new Set(
      [...of(this.#fields, GRAPH.input), ...of(this.#fields, GRAPH.output)].map(valueName)
    )
    const ways = new Map<string, string>()
    for (const each of nodes) {
      for (const name of each.inner) others.add(name)
      const [use, place] = useOf(each)
      // A weight that is turned here and not there has two forms.
      const way = `${use} ${each.numbers.transB ?? 0}`
      for (const [at, name] of each.inputs.entries()) {
        if (at !== place || (ways.get(name) ?? way) !== way) others.add(name)
        ways.set(name, way)
        if (use !== undefined) uses.set(name, use)
      }
    }
    for (const name of others) uses.delete(name)
    return uses
  }

  /** @param user the first node that takes it. */
  #weights(tensor: Tensor, use: Use, user: Node): Buffer[] {
    const { name } = tensor
    if (use === 'table') return this.#initializers(tensor, 0, STEPS, [tensor.dims[0]!, 1])
    if (use === 'product') {
      const turned = user.numbers.transB === 1 ? transposed(tensor) : tensor
      return this.#initializers(turned, 1, STEPS_MULTIPLIED, [turned.dims[1]!])
    }
    const axis = user.operation === 'ConvTranspose' ? 1 : 0
    const along = this.#byAxis ? [attribute('axis', axis)] : []
    this.#before.push(...node('DequantizeLinear', [stepsName(name), scalesName(name)], [name], ...along))
    return this.#byAxis
      ? this.#initializers(tensor, axis, STEPS, [tensor.dims[axis]!])
      : this.#initializers(tensor, undefined, STEPS, [])
  }

  #initializers(tensor: Tensor, axis: number | undefined, most: number, dims: readonly number[]): Buffer[] {
    const { steps, scales } = stepsOf(tensor, axis, most)
    return [
      ...initializer(stepsName(tensor.name), INT8, tensor.dims, steps),
      ...initializer(scalesName(tensor.name), FLOAT, dims, scales)
    ]
  }

  /** The product of steps, times both scales; of a Gemm also the sum. */
  #multiply({ operation, inputs: [input, weights, added], output }: Node): Buffer[] {
    const [steps, scale, zero] = [stepsName(input!), scalesName(input!), `${input}_lumos_zero`]
    const [sums, numbers, scales] = [
      `${output}_lumos_sums`,
      `${output}_lumos_numbers`,
      `${output}_lumos_scales`
    ]
    const isSum = operation === 'Gemm' && added !== undefined && added !== ''
    const product = isSum ? `${output}_lumos_product` : output
    const isNew = !this.#small.has(input!)
    this.#small.add(input!)
    return [
      ...(isNew ? node('DynamicQuantizeLinear', [input!], [steps, scale, zero]) : []),
      ...node('MatMulInteger', [steps, stepsName(weights!), zero], [sums]),
      ...node('Cast', [sums], [numbers], attribute('to', FLOAT)),
      ...node('Mul', [scale, scalesName(weights!)], [scales]),
      ...node('Mul', [numbers, scales], [product]),
      ...(isSum ? node('Add', [product, added], [output]) : [])
    ]
  }
}

/** What a node does with one of its inputs, if that may become smaller, and which one it is. */
function useOf(node: Node): [use: Use | undefined, place: number] {
  const { operation, numbers } = node
  if (isProduct(node)) return ['product', 1]
  if (operation === 'Conv' || operation === 'ConvTranspose') return ['filter', 1]
  if (operation === 'Gather' && (numbers.axis ?? 0) === 0) return ['table', 0]
  return [undefined, -1]
}

/** Whether it is a product of a matrix, and at most a sum besides. */
function isProduct({ operation, numbers: { alpha = 1, beta = 1, transA = 0 } }: Node): boolean {
  return operation === 'MatMul' || (operation === 'Gemm' && alpha === 1 && beta === 1 && transA === 0)
}

/** The rows as numbers of 32 bits: their steps times the scale of each. */
function lookUp({ inputs: [table, rows], output }: Node): Buffer[] {
  // Not named as the steps of an input: what is looked up may be multiplied next.
  const [steps, numbers, scales] = [
    `${output}_lumos_row_steps`,
    `${output}_lumos_row_numbers`,
    `${output}_lumos_row_scales`
  ]
  return [
    ...node('Gather', [stepsName(table!), rows!], [steps]),
    ...node('Cast', [steps], [numbers], attribute('to', FLOAT)),
    ...node('Gather', [scalesName(table!), rows!], [scales]),
    ...node('Mul', [numbers, scales], [output])
  ]
}

/** Names that a graph, which may be quantised in part, does not have. */
const stepsName = (name: string): string => `${name}_lumos_int8`
const scalesName = (name: string): string => `${name}_lumos_scale`

const unsupported = (why: string): LumosError =>
  new LumosError('NOT_SUPPORTED', `It cannot be quantised: ${why}.`)
