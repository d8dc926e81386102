/**
 * The body of a request for tensors, on the thread of large bodies: JSON alone, or JSON with the bytes of tensors behind
 * it. It loads no schema library. What crosses to the network's thread is bytes.
 */

import { decodeText } from '../../interface/decode-text.ts'
import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import { holdsMore, PARTS } from '../../interface/json-size.ts'
import { TENSOR_BYTES_MAX } from '../../interface/limits.ts'
import { isRecord } from '../../interface/record.ts'
import { parseJson } from '../json-text.ts'
import { DATATYPES, type Datatype } from './datatypes.ts'

/** Lists and fields. Numbers are bounded by the bytes of the body; a list of one row each is not. */
const PARTS_MAX = 100_000
/** As the task has it. */
const TENSORS_MAX = 64
const DIMS_MAX = 16
const DIM_MAX = 0x7fff_ffff
const NAME_CHARS_MAX = 128

export interface WantedOutput {
  readonly name: string
  readonly binary: boolean
}

export interface TensorQuestion {
  readonly id: string | undefined
  readonly tensors: Readonly<Record<string, { type: string; dims: number[]; data: Uint8Array<ArrayBuffer> }>>
  /** Absent: all that the model gives. */
  readonly outputs: readonly WantedOutput[] | undefined
  /** Whether outputs come as bytes that were not asked for one by one. */
  readonly binary: boolean
}

/**
 * @param headBytes of the JSON, where bytes of tensors follow it.
 * @throws {LumosError} `INVALID_INPUT` or `INPUT_TOO_LARGE`.
 */
export function questionOf(body: Buffer, headBytes = body.length): TensorQuestion {
  if (!Number.isSafeInteger(headBytes) || headBytes < 0 || headBytes > body.length)
    throw wrong('Inference-Header-Content-Length', 'is no length within the body')
  const text = decodeText(body.subarray(0, headBytes))
  if (holdsMore(text, PARTS_MAX, PARTS))
    throw new LumosError(
      'INPUT_TOO_LARGE',
      `The body holds more than ${PARTS_MAX} lists and fields. Give data as one flat list.`
    )
  const request = parseJson(text)
  if (!isRecord(request)) throw new InvalidInputError('The body must be a JSON object.')
  const { id, inputs, outputs, parameters } = request
  if (id !== undefined && (typeof id !== 'string' || id.length > NAME_CHARS_MAX))
    throw wrong('id', `must be a text of at most ${NAME_CHARS_MAX} characters`)
  const binary = new Rest(body.subarray(headBytes))
  const tensors = tensorsOf(listOf('inputs', inputs), binary)
  if (binary.left > 0) throw wrong('the body', `has ${binary.left} bytes that no input names`)
  return {
    ...{ id, tensors, binary: flagOf(parameters, 'binary_data_output') },
    outputs: outputs === undefined ? undefined : listOf('outputs', outputs).map(wantedOf)
  }
}

/** Bytes behind the JSON, in the order of the inputs. */
class Rest {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  take(size: number): Uint8Array<ArrayBuffer> {
    const part = new Uint8Array(this.#bytes.subarray(this.#at, this.#at + size))
    this.#at += size
    return part
  }
}

function tensorsOf(inputs: readonly unknown[], rest: Rest): TensorQuestion['tensors'] {
  const tensors: [string, TensorQuestion['tensors'][string]][] = []
  const names = new Set<string>()
  let bytes = 0
  for (const [i, input] of inputs.entries()) {
    const at = `inputs[${i}]`
    if (!isRecord(input)) throw wrong(at, 'must be an object')
    const { datatype, shape, data, parameters } = input
    const name = nameOf(`${at}.name`, input.name)
    if (names.has(name)) throw wrong(`${at}.name`, 'is there twice')
    names.add(name)
    const found =
      typeof datatype === 'string' && Object.hasOwn(DATATYPES, datatype) ? DATATYPES[datatype] : undefined
    if (found === undefined)
      throw wrong(`${at}.datatype`, `must be one of ${Object.keys(DATATYPES).join(', ')}`)
    const dims = dimsOf(`${at}.shape`, shape)
    const count = dims.reduce((product, dim) => product * dim, 1)
    const size = count * found.bytes
    bytes += size
    if (bytes > TENSOR_BYTES_MAX)
      throw new LumosError('INPUT_TOO_LARGE', `The inputs hold more than ${TENSOR_BYTES_MAX} bytes together.`)
    const stated = isRecord(parameters) ? parameters.binary_data_size : undefined
    if (stated === undefined)
      tensors.push([name, { type: found.type, dims, data: fromJson(`${at}.data`, data, count, found) }])
    else {
      if (stated !== size || size > rest.left)
        throw wrong(
          `${at}.parameters.binary_data_size`,
          `must be ${size} by shape and datatype, and be in the body`
        )
      tensors.push([name, { type: found.type, dims, data: rest.take(size) }])
    }
  }
  return Object.fromEntries(tensors)
}

/** Flat, or nested by its shape: both are in row-major order. */
function fromJson(
  at: string,
  data: unknown,
  count: number,
  { bytes, json }: Datatype
): Uint8Array<ArrayBuffer> {
  if (json === undefined) throw wrong(at, 'has no form in JSON for its datatype; give its bytes')
  if (!Array.isArray(data)) throw wrong(at, 'must be a list')
  const out = new Uint8Array(count * bytes)
  const view = new DataView(out.buffer)
  let written = 0
  const fill = (values: readonly unknown[], depth: number): void => {
    if (depth > DIMS_MAX) throw wrong(at, `is nested more than ${DIMS_MAX} deep`)
    for (const value of values) {
      if (Array.isArray(value)) fill(value, depth + 1)
      else if (written === count) throw wrong(at, `holds more than the ${count} values of its shape`)
      else if (!json.fits(value)) throw wrong(at, 'holds a value that its datatype has not')
      else json.write(view, written++ * bytes, value as never)
    }
  }
  fill(data, 1)
  if (written < count) throw wrong(at, `holds ${written} of the ${count} values of its shape`)
  return out
}

function dimsOf(at: string, shape: unknown): number[] {
  const isDim = (dim: unknown) => Number.isInteger(dim) && (dim as number) >= 0 && (dim as number) <= DIM_MAX
  if (Array.isArray(shape) && shape.length <= DIMS_MAX && shape.every(isDim)) return shape
  throw wrong(at, `must be a list of at most ${DIMS_MAX} whole numbers`)
}

function wantedOf(output: unknown, i: number): WantedOutput {
  if (!isRecord(output)) throw wrong(`outputs[${i}]`, 'must be an object')
  return {
    name: nameOf(`outputs[${i}].name`, output.name),
    binary: flagOf(output.parameters, 'binary_data')
  }
}

const flagOf = (parameters: unknown, name: string): boolean =>
  isRecord(parameters) && parameters[name] === true

function nameOf(at: string, name: unknown): string {
  if (typeof name === 'string' && name.length > 0 && name.length <= NAME_CHARS_MAX && name !== '__proto__')
    return name
  throw wrong(at, `must be a text of at most ${NAME_CHARS_MAX} characters`)
}

function listOf(at: string, list: unknown): readonly unknown[] {
  if (Array.isArray(list) && list.length > 0 && list.length <= TENSORS_MAX) return list
  throw wrong(at, `must be a list of 1 to ${TENSORS_MAX} items`)
}

const wrong = (at: string, words: string) => new InvalidInputError(`${at} ${words}.`)
