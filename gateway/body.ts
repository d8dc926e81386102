/** JSON bodies, read up to a limit and not a byte further. */

import type { IncomingMessage } from 'node:http'
import { decodeText } from '../interface/decode-text.ts'
import { InvalidInputError, LumosError, OverloadedError } from '../interface/errors.ts'

/** What may come before a body has said what it is for. */
const HEAD_BYTES = 64 * 1024
/** Bodies of the largest size that are read at the same time. */
const LARGEST_BODIES_MAX = 3
const BODIES_RETRY_AFTER_MS = 1000

export interface JsonBody {
  readonly value: unknown
  readonly bytes: number
}

export class BodyReader {
  readonly #heldBytesMax: number
  #heldBytes = 0

  /** @param bytesMax of the largest body that any route takes. */
  constructor(bytesMax: number) {
    this.#heldBytesMax = LARGEST_BODIES_MAX * bytesMax
  }

  /**
   * @param limitOf a lower limit, by the beginning of a body that is longer than that.
   * @throws {LumosError} `INPUT_TOO_LARGE`, `INVALID_INPUT` or, with other bodies on the way, `OVERLOADED`.
   */
  async readJson(
    incoming: IncomingMessage,
    bytesMax: number,
    limitOf: (head: string) => number = () => bytesMax
  ): Promise<JsonBody> {
    const announced = Number(incoming.headers['content-length'] ?? 0)
    if (announced > bytesMax) throw tooLarge(bytesMax)
    const chunks: Buffer[] = []
    let bytes = 0
    let limit: number | undefined

    try {
      // Leaving the loop must not destroy the socket: the refusal still has to be written.
      for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
        bytes += chunk.length
        this.#heldBytes += chunk.length
        chunks.push(chunk)
        if (bytes > HEAD_BYTES) limit ??= limitOf(Buffer.concat(chunks).toString('utf8', 0, HEAD_BYTES))
        if (Math.max(bytes, limit === undefined ? 0 : announced) > (limit ?? bytesMax)) {
          throw tooLarge(limit ?? bytesMax)
        }
        if (this.#heldBytes > this.#heldBytesMax) {
          throw new OverloadedError('Too many large bodies are being received.', BODIES_RETRY_AFTER_MS)
        }
      }
      return { value: bytes === 0 ? {} : parse(Buffer.concat(chunks)), bytes }
    } finally {
      this.#heldBytes -= bytes
    }
  }
}

function parse(bytes: Buffer): unknown {
  const text = decodeText(bytes)
  try {
    return JSON.parse(text)
  } catch (err) {
    throw new InvalidInputError('The body is not JSON.', { cause: err })
  }
}

export const tooLarge = (bytesMax: number, hint?: string): LumosError =>
  new LumosError('INPUT_TOO_LARGE', `The body holds more than ${bytesMax} bytes.`, {
    hint,
    details: { bytesMax }
  })
