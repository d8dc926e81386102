/**
 * Measures what an engine answers before it leaves its process: a graph of a few bytes can answer
 * gigabytes, and the node must not hold them to find out.
 */

import { type InferenceChunk, TEXT_PIECE_CHARS_MAX } from '../../interface/chunks.ts'
import { EngineFailedError } from '../../interface/errors.ts'
import { TENSOR_BYTES_MAX } from '../../interface/tasks/tensor.ts'

/** Names, labels and numbers of one output, beside the bytes of its tensors. */
const PLAIN_VALUES_MAX = 16_384
const PLAIN_CHARS_MAX = 1024 * 1024

/** @throws {EngineFailedError} naming the limit. */
export function checkSize(chunk: InferenceChunk): InferenceChunk {
  if (chunk.type === 'text' && chunk.text.length > TEXT_PIECE_CHARS_MAX) {
    throw new EngineFailedError(`The engine sent more than ${TEXT_PIECE_CHARS_MAX} characters at once.`)
  }
  if (chunk.type === 'output') measure(chunk.output)
  return chunk
}

function measure(output: unknown): void {
  let bytes = 0
  let chars = 0
  let values = 0
  const open: unknown[] = [output]
  while (open.length > 0) {
    const value = open.pop()
    values++
    if (typeof value === 'string') chars += value.length
    else if (ArrayBuffer.isView(value)) bytes += value.byteLength
    else if (typeof value === 'object' && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        chars += name.length
        open.push(member)
      }
    }
    if (bytes > TENSOR_BYTES_MAX) throw tooMuch(`${TENSOR_BYTES_MAX} bytes`)
    if (chars > PLAIN_CHARS_MAX) throw tooMuch(`${PLAIN_CHARS_MAX} characters`)
    if (values > PLAIN_VALUES_MAX) throw tooMuch(`${PLAIN_VALUES_MAX} values`)
  }
}

const tooMuch = (limit: string): EngineFailedError =>
  new EngineFailedError(`The output of the model is larger than ${limit}.`)
