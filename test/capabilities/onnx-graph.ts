/** Writes small ONNX graphs, byte by byte: what no tool would make is what tests need. */

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))]
const number = (field: number, value: number): Buffer => Buffer.from([...varint(field * 8), ...varint(value)])
const bytes = (field: number, ...parts: (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(parts.map(part => Buffer.from(part as string)))
  return Buffer.concat([Buffer.from([...varint(field * 8 + 2), ...varint(body.length)]), body])
}

const FLOAT = 1
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
