/** Tensors as the answer of the Open Inference Protocol: JSON, or JSON with bytes behind it, piece by piece. */

import type { Tensor } from '../../interface/tasks/tensor.ts'
import { RefusedError } from '../asking/refused.ts'
import { nextPiece } from '../json-answer.ts'
import { DATATYPES, datatypeOf } from './datatypes.ts'
import type { TensorQuestion } from './question.ts'

/** Of one piece of JSON: some hundred kilobytes, a few milliseconds. */
const VALUES_AT_ONCE = 16 * 1024

export interface NamedTensor {
  readonly name: string
  readonly tensor: Tensor
  readonly binary: boolean
}

/** @throws {RefusedError} for an output that is asked for twice, that the model does not give, or that has no JSON. */
export function wantedTensors(
  tensors: Readonly<Record<string, Tensor>>,
  { outputs, binary }: TensorQuestion
): readonly NamedTensor[] {
  const wanted = outputs ?? Object.keys(tensors).map(name => ({ name, binary: false }))
  return wanted.map((one, i) => {
    if (wanted.findIndex(({ name }) => name === one.name) < i)
      throw new RefusedError(`The output ${one.name} is asked for twice.`, {})
    if (!Object.hasOwn(tensors, one.name))
      throw new RefusedError(
        `The model gives no output ${one.name}. It gives: ${Object.keys(tensors).join(', ')}.`,
        {}
      )
    const tensor = tensors[one.name]!
    const asBytes = one.binary || binary
    if (!asBytes && DATATYPES[datatypeOf(tensor.type)]!.json === undefined)
      throw new RefusedError(
        `The output ${one.name} is ${datatypeOf(tensor.type)}, which has no JSON. Ask for binary_data.`,
        {}
      )
    return { name: one.name, tensor, binary: asBytes }
  })
}

const headOf = ({ name, tensor: { type, dims, data }, binary }: NamedTensor) => ({
  ...{ name, datatype: datatypeOf(type), shape: dims },
  ...(binary && { parameters: { binary_data_size: data.byteLength } })
})

/** The JSON, in pieces. */
export function* jsonOf(head: object, outputs: readonly NamedTensor[]): Generator<string, undefined> {
  yield `${JSON.stringify(head).slice(0, -1)},"outputs":[`
  for (const [i, output] of outputs.entries()) {
    const fields = `${i > 0 ? ',' : ''}${JSON.stringify(headOf(output)).slice(0, -1)}`
    if (output.binary) yield `${fields}}`
    else {
      yield `${fields},"data":[`
      yield* valuesOf(output.tensor)
      yield ']}'
    }
  }
  yield ']}'
}

function* valuesOf({ type, data }: Tensor): Generator<string> {
  const { bytes, json } = DATATYPES[datatypeOf(type)]!
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const count = data.byteLength / bytes
  for (let at = 0; at < count; at += VALUES_AT_ONCE) {
    const length = Math.min(VALUES_AT_ONCE, count - at)
    const values = Array.from({ length }, (_, i) => textOf(json!.read(view, (at + i) * bytes)))
    yield (at > 0 ? ',' : '') + values.join(',')
  }
}

/** JSON has no number for what is not finite. */
const textOf = (value: number | bigint | boolean): string =>
  typeof value === 'number' && !Number.isFinite(value) ? 'null' : String(value)

/** How many bytes the pieces hold, each of which is made in a turn of its own and kept by nothing. */
export async function bytesOf(json: Iterator<string>): Promise<number> {
  let bytes = 0
  for (let piece = await nextPiece(json); piece !== undefined; piece = await nextPiece(json))
    bytes += piece.length
  return bytes
}

/** One piece each time that the client has taken the last. */
export function bodyOf(
  json: Iterator<string>,
  bytes: readonly Uint8Array[] = []
): ReadableStream<Uint8Array> {
  const rest = bytes.values()
  return new ReadableStream({
    async pull(controller) {
      const piece = (await nextPiece(json)) ?? rest.next().value
      if (piece === undefined) controller.close()
      else controller.enqueue(piece)
    }
  })
}
