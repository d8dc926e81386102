/** JSON bodies, read up to a limit and not a byte further. */

import type { IncomingMessage } from 'node:http'
import { InvalidInputError, LumosError, OverloadedError } from '../interface/errors.ts'
import { IMAGE_BYTES_MAX } from '../interface/tasks/image-classification.ts'
import { TENSOR_BYTES_MAX } from '../interface/tasks/tensor.ts'

/** Four bytes of base64 hold three, and a little JSON stands around them. */
const inJson = (bytes: number): number => Math.ceil(bytes / 3) * 4 + 64 * 1024

/** Enough for any question in words: `TEXT_CHARS_MAX` of `interface/tasks.ts` in UTF-8, escaped. */
const JSON_BYTES_MAX = 4 * 1024 * 1024
const BODY_BYTES_MAX: Readonly<Record<string, number>> = {
  'inference.run': inJson(TENSOR_BYTES_MAX),
  'inference.classify': inJson(IMAGE_BYTES_MAX)
}
/** What a body that names its unit only inside may take while it is read. */
export const ANY_BODY_BYTES_MAX = Math.max(JSON_BYTES_MAX, ...Object.values(BODY_BYTES_MAX))
/** All bodies being read together: three of the largest. */
const BODIES_BYTES_MAX = 3 * ANY_BODY_BYTES_MAX
const BODIES_RETRY_AFTER_MS = 1000

export const bodyBytesMax = (unit: string): number =>
  Object.hasOwn(BODY_BYTES_MAX, unit) ? BODY_BYTES_MAX[unit]! : JSON_BYTES_MAX

export interface JsonBody {
  readonly value: unknown
  readonly bytes: number
}

export class BodyReader {
  #heldBytes = 0

  /** @throws {LumosError} `INPUT_TOO_LARGE`, `INVALID_INPUT` or, with other bodies on the way, `OVERLOADED`. */
  async readJson(incoming: IncomingMessage, bytesMax: number): Promise<JsonBody> {
    if (Number(incoming.headers['content-length'] ?? 0) > bytesMax) throw tooLarge(bytesMax)
    const chunks: Buffer[] = []
    let bytes = 0

    try {
      // Leaving the loop must not destroy the socket: the refusal still has to be written.
      for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
        bytes += chunk.length
        this.#heldBytes += chunk.length
        if (bytes > bytesMax) throw tooLarge(bytesMax)
        if (this.#heldBytes > BODIES_BYTES_MAX) {
          throw new OverloadedError('Too many large bodies are being received.', BODIES_RETRY_AFTER_MS)
        }
        chunks.push(chunk)
      }
      return { value: bytes === 0 ? {} : parse(Buffer.concat(chunks)), bytes }
    } finally {
      this.#heldBytes -= bytes
    }
  }
}

/** @throws when the body was longer than its unit allows. */
export function checkBodyBytes(unit: string, bytes: number): void {
  if (bytes > bodyBytesMax(unit)) throw tooLarge(bodyBytesMax(unit))
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (err) {
    throw new InvalidInputError('The body is not JSON.', { cause: err })
  }
}

const tooLarge = (bytesMax: number): LumosError =>
  new LumosError('INPUT_TOO_LARGE', `The body holds more than ${bytesMax} bytes.`, { details: { bytesMax } })
