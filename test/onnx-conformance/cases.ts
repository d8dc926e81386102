/** The cases of `libonnx-testdata`: a graph each, with what goes in and what must come out. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { TENSOR_TYPES, type Tensor, type TensorType } from '../../interface/tasks/tensor.ts'
import { bytesIn, type Message, messageOf, messagesIn, numbersIn, textIn } from './protobuf.ts'

/** Where Debian's package has them. */
export const TESTDATA = '/usr/share/libonnx-testdata/data'
const GRAPH = 'model.onnx'

export interface Case {
  /** Such as `node/test_abs`. */
  readonly name: string
  readonly folder: string
}

export interface Expectation {
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly outputs: Readonly<Record<string, Tensor>>
}

/** The task has no such values. */
class NoTensorError extends Error {}

export function casesIn(root: string): Case[] {
  return readdirSync(root, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .flatMap(group => readdirSync(join(root, group.name)).map(name => `${group.name}/${name}`))
    .sort()
    .map(name => ({ name, folder: join(root, name) }))
    .filter(({ folder }) => readdirSync(folder).includes(GRAPH))
}

/** @throws {NoTensorError} where a value is none. */
export function expectationOf({ folder }: Case): Expectation {
  const [graph] = messagesIn(messageOf(readFileSync(join(folder, GRAPH))), 7)
  const weights = new Set(messagesIn(graph!, 5).map(tensor => textIn(tensor, 8)))
  const inputs = messagesIn(graph!, 11).filter(input => !weights.has(textIn(input, 1)))
  const read = (values: readonly Message[], kind: string) => {
    for (const value of values) checkType(value)
    return Object.fromEntries(
      values.map((value, i) => {
        const file = join(folder, 'test_data_set_0', `${kind}_${i}.pb`)
        return [textIn(value, 1), tensorOf(messageOf(readFileSync(file)))]
      })
    )
  }
  return { inputs: read(inputs, 'input'), outputs: read(messagesIn(graph!, 12), 'output') }
}

const TENSOR = 1
const FORMS: Readonly<Record<number, string>> = { 4: 'sequence', 5: 'map', 8: 'sparse tensor', 9: 'optional' }

function checkType(value: Message): void {
  const [type] = messagesIn(value, 2)
  const form = [...(type?.keys() ?? [])].find(field => field !== TENSOR && Object.hasOwn(FORMS, field))
  if (form !== undefined) throw new NoTensorError(`"${textIn(value, 1)}" is no tensor: ${FORMS[form]}`)
}

/** By the numbers of `TensorProto.DataType`. */
const TYPES: Readonly<Record<number, string>> = {
  ...{ 1: 'float32', 2: 'uint8', 3: 'int8', 4: 'uint16', 5: 'int16', 6: 'int32', 7: 'int64', 8: 'string' },
  ...{ 9: 'bool', 10: 'float16', 11: 'float64', 12: 'uint32', 13: 'uint64', 14: 'complex64' },
  ...{ 15: 'complex128', 16: 'bfloat16' }
}
const RAW = 9

function tensorOf(message: Message): Tensor {
  const number = Number(numbersIn(message, 2)[0])
  const type = TYPES[number] ?? `of type ${number}`
  if (!isTensorType(type)) throw new NoTensorError(`a value is ${type}`)
  const [raw] = bytesIn(message, RAW)
  return { type, dims: numbersIn(message, 1).map(Number), data: raw ?? bytesOf(message, type) }
}

const isTensorType = (type: string): type is TensorType => Object.hasOwn(TENSOR_TYPES, type)

/** Values that do not lie there as bytes of their type: the fields for floats, for short and for long numbers. */
function bytesOf(message: Message, type: TensorType): Buffer {
  const floats = [...bytesIn(message, 4), ...bytesIn(message, 10)]
  if (floats.length > 0) return Buffer.concat(floats)
  const numbers = [5, 7, 11].flatMap(field => numbersIn(message, field))
  const size = TENSOR_TYPES[type]
  const bytes = Buffer.alloc(numbers.length * 8)
  for (const [i, value] of numbers.entries()) bytes.writeBigInt64LE(value, i * size)
  return bytes.subarray(0, numbers.length * size)
}
