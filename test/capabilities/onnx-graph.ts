/** Writes small ONNX graphs, byte by byte: what no tool would make is what tests need. */

import { protobufFields } from '../../interface/protobuf.ts'

export const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
export const number = (field: number, value: number): Buffer =>
  Buffer.from([...varint(field * 8), ...varint(value)])
export const bytes = (field: number, ...parts: (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(parts.map(part => Buffer.from(part as string)))
  return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(body.length)]), body])
}

export const FLOAT = 1
const INT64 = 7

/** A tensor of one dimension; `size` undefined: of any. */
const value = (name: string, type: number, size: number | undefined): Buffer => {
  const dimension = size === undefined ? bytes(2, 'n') : number(1, size)
  return Buffer.concat([bytes(1, name), bytes(2, bytes(1, number(1, type), bytes(2, bytes(1, dimension))))])
}

interface Graph {
  readonly node: readonly Buffer[]
  readonly input: Buffer
  readonly output: Buffer
  readonly initializer?: Buffer
}

const model = ({ node, input, output, initializer }: Graph): Buffer =>
  Buffer.concat([
    number(1, 8),
    bytes(
      7,
      bytes(1, ...node),
      bytes(2, 'graph'),
      ...(initializer === undefined ? [] : [bytes(5, initializer)]),
      bytes(11, input),
      bytes(12, output)
    ),
    bytes(8, number(2, 13))
  ])

/** Answers as many zeros as its input, one number, says. */
export const zeros = (): Buffer =>
  model({
    node: [bytes(1, 'shape'), bytes(2, 'zeros'), bytes(4, 'ConstantOfShape')],
    input: value('shape', INT64, 1),
    output: value('zeros', FLOAT, undefined)
  })

/** Adds weights of `size` numbers, which lie in the file `location`, to its input. */
export const addsExternal = (location: string, size: number): Buffer =>
  model({
    node: [bytes(1, 'x'), bytes(1, 'w'), bytes(2, 'y'), bytes(4, 'Add')],
    input: value('x', FLOAT, size),
    output: value('y', FLOAT, size),
    initializer: Buffer.concat([
      number(1, size),
      number(2, FLOAT),
      bytes(8, 'w'),
      bytes(13, bytes(1, 'location'), bytes(2, location)),
      number(14, 1)
    ])
  })

const [GRAPH, INITIALIZER, RAW_DATA] = [7, 5, 9]
/** Smaller ones stay: shapes are read before weights are. */
const OUTSOURCED_BYTES_MIN = 1024

/** The same model, with its weights in the file `location`. */
export function outsourced(model: Buffer, location: string): { graph: Buffer; data: Buffer } {
  const data: Buffer[] = []
  let end = 0
  const fieldsOf = (message: Buffer) => {
    const wrong = () => new Error('No message.')
    return protobufFields(message, { left: 1e6 }, { malformed: wrong, tooMany: wrong })
  }
  /** @param change of a field of this number; the others stay as they are. */
  const changed = (message: Buffer, field: number, change: (content: Buffer) => Buffer): Buffer =>
    Buffer.concat(
      [...fieldsOf(message)].map(({ number, bytes: content, start, end }) =>
        number === field ? change(content) : message.subarray(start, end)
      )
    )
  const entry = (key: string, value: string) => bytes(13, bytes(1, key), bytes(2, value))
  const initializer = (tensor: Buffer): Buffer =>
    changed(tensor, RAW_DATA, raw => {
      if (raw.length < OUTSOURCED_BYTES_MIN) return bytes(RAW_DATA, raw)
      const place = [entry('location', location), entry('offset', `${end}`), entry('length', `${raw.length}`)]
      data.push(raw)
      end += raw.length
      return Buffer.concat([...place, number(14, 1)])
    })
  const graph = changed(model, GRAPH, content =>
    bytes(
      GRAPH,
      changed(content, INITIALIZER, tensor => bytes(INITIALIZER, initializer(tensor)))
    )
  )
  return { graph, data: Buffer.concat(data) }
}

export const shaped = (name: string, type: number, sizes: readonly (number | string)[]): Buffer => {
  const dimensions = sizes.map(size => bytes(1, typeof size === 'number' ? number(1, size) : bytes(2, size)))
  return Buffer.concat([bytes(1, name), bytes(2, bytes(1, number(1, type), bytes(2, ...dimensions)))])
}

export const node = (
  operation: string,
  inputs: readonly string[],
  output: string,
  ...attributes: Buffer[]
): Buffer =>
  bytes(
    1,
    ...inputs.map(name => bytes(1, name)),
    bytes(2, output),
    bytes(4, operation),
    ...attributes.map(attribute => bytes(5, attribute))
  )

const INT = 2
const INTS = 7
const int = (name: string, value: number): Buffer =>
  Buffer.concat([bytes(1, name), number(3, value), number(20, INT)])
const ints = (name: string, value: number): Buffer =>
  Buffer.concat([bytes(1, name), number(8, value), number(20, INTS)])

/** A cross-encoder, of a kind: the score of two texts is how many tokens the second one has. */
export const countsSecondText = (): Buffer =>
  Buffer.concat([
    number(1, 8),
    bytes(
      7,
      node('Mul', ['token_type_ids', 'attention_mask'], 'second'),
      node('Cast', ['second'], 'floats', int('to', FLOAT)),
      node('ReduceL1', ['floats'], 'logits', ints('axes', 1), int('keepdims', 1)),
      bytes(2, 'graph'),
      ...['token_type_ids', 'attention_mask'].map(name =>
        bytes(11, shaped(name, INT64, ['batch_size', 'length']))
      ),
      bytes(12, shaped('logits', FLOAT, ['batch_size', 1]))
    ),
    bytes(8, number(2, 13))
  ])

/** Its output is its input, the numbers along `axes` made one: the largest, or the mean. */
export const reduces = (
  operation: 'ReduceMax' | 'ReduceMean',
  { input, output, axes }: { input: [string, (number | string)[]]; output: [string, number]; axes: number[] }
): Buffer =>
  Buffer.concat([
    number(1, 8),
    bytes(
      7,
      node(operation, [input[0]], output[0], intsOf('axes', axes), int('keepdims', 0)),
      bytes(2, 'graph'),
      bytes(11, shaped(input[0], FLOAT, input[1])),
      bytes(
        12,
        shaped(
          output[0],
          FLOAT,
          Array.from({ length: output[1] }, (_, at) => `out${at}`)
        )
      )
    ),
    bytes(8, number(2, 13))
  ])

const intsOf = (name: string, values: readonly number[]): Buffer =>
  Buffer.concat([bytes(1, name), ...values.map(value => number(8, value)), number(20, INTS)])

/**
 * Hears loud sounds, in the layout of a model of voice activity: as likely as the loudest sample of this window or of the
 * one before, which it keeps.
 */
export const hearsLoud = (): Buffer =>
  Buffer.concat([
    number(1, 8),
    bytes(
      7,
      node('ReduceMax', ['input'], 'stateN', intsOf('axes', [1]), int('keepdims', 1)),
      node('Max', ['stateN', 'state'], 'output'),
      bytes(2, 'graph'),
      bytes(11, shaped('input', FLOAT, ['batch', 'samples'])),
      bytes(11, shaped('state', FLOAT, ['batch', 'kept'])),
      bytes(11, shaped('sr', INT64, [])),
      bytes(12, shaped('output', FLOAT, ['batch', 1])),
      bytes(12, shaped('stateN', FLOAT, ['batch', 1]))
    ),
    bytes(8, number(2, 13))
  ])
