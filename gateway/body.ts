/** JSON bodies and forms, read up to a limit and not a byte further. */

import type { IncomingMessage } from 'node:http'
import { decodeText } from '../interface/decode-text.ts'
import { LumosError } from '../interface/errors.ts'
import type { Caller } from '../interface/units.ts'
import type { Form } from './form-parts.ts'
import { HeldBytes, type Received } from './held-bytes.ts'
import { parseJson } from './json-text.ts'
import type { JsonThread, LargeText } from './json-thread.ts'
import type { BodyForm } from './json-worker.ts'
import type { TensorQuestion } from './kserve/question.ts'

/** What may come before a body has said what it is for. */
const HEAD_BYTES = 64 * 1024
/** A longer body is parsed on a thread of its own: this one takes the network's a few milliseconds. */
export const PARSED_HERE_BYTES_MAX = 1024 * 1024

export interface JsonBody {
  readonly value: unknown
  readonly bytes: number
}

/** A request, and of whom it is. */
interface Sent {
  readonly incoming: IncomingMessage
  readonly caller: Caller
}

export class BodyReader {
  readonly #thread: JsonThread
  readonly #held: HeldBytes

  /** @param bytesMax of the largest body that any route takes. */
  constructor(bytesMax: number, thread: JsonThread) {
    this.#thread = thread
    this.#held = new HeldBytes(bytesMax)
  }

  /**
   * The JSON of a body. In one of more than {@link PARSED_HERE_BYTES_MAX}, a string in base64 that is longer than any
   * text (`TEXT_CHARS_MAX`) is bytes already.
   *
   * @param limitOf a lower limit, by the beginning of a body that is longer than that.
   * @throws {LumosError} `INPUT_TOO_LARGE`, `INVALID_INPUT` or, with other bodies on the way, `OVERLOADED`.
   */
  async readJson(
    { incoming, caller }: Sent,
    bytesMax: number,
    limitOf: (head: string) => number = () => bytesMax
  ): Promise<JsonBody> {
    const announced = announcedBy(incoming)
    const received: Received = { caller, bytes: 0 }
    const chunks: Buffer[] = []
    let large: LargeText | undefined
    let limit: number | undefined
    try {
      for await (const chunk of this.#chunks(incoming, bytesMax, received)) {
        const { bytes } = received
        if (large === undefined) chunks.push(chunk)
        else large.push(chunk)
        if (bytes > HEAD_BYTES) limit ??= limitOf(Buffer.concat(chunks).toString('utf8', 0, HEAD_BYTES))
        if (limit !== undefined && Math.max(bytes, announced) > limit) throw tooLarge(limit)
        if (large === undefined && bytes > PARSED_HERE_BYTES_MAX) {
          large = this.#thread.begin()
          for (const part of chunks.splice(0)) large.push(part)
        }
      }
      const { bytes } = received
      if (large !== undefined) return { value: await large.parse(), bytes }
      return { value: bytes === 0 ? {} : parseJson(decodeText(Buffer.concat(chunks))), bytes }
    } finally {
      large?.drop()
      this.#held.drop(received)
    }
  }

  /**
   * A form with files in it. Its parser looks at each byte, so it runs on the thread however short the form is.
   *
   * @throws {LumosError} as {@link readJson} does.
   */
  async readForm(sent: Sent, bytesMax: number): Promise<Form> {
    const contentType = sent.incoming.headers['content-type'] ?? ''
    return (await this.#onThread(sent, bytesMax, { form: 'multipart', contentType })) as Form
  }

  /**
   * Tensors, which are numbers in JSON or bytes behind it. All of it becomes bytes on the thread.
   *
   * @throws {LumosError} as {@link readJson} does.
   */
  async readTensors(
    sent: Sent,
    bytesMax: number,
    headBytes: number | undefined
  ): Promise<TensorQuestion> {
    return (await this.#onThread(sent, bytesMax, { form: 'tensors', headBytes })) as TensorQuestion
  }

  async #onThread({ incoming, caller }: Sent, bytesMax: number, as: BodyForm): Promise<unknown> {
    const received: Received = { caller, bytes: 0 }
    const large = this.#thread.begin()
    try {
      for await (const chunk of this.#chunks(incoming, bytesMax, received)) large.push(chunk)
      return await large.parse(as)
    } finally {
      large.drop()
      this.#held.drop(received)
    }
  }

  /** @param received counts what came. It is held until it is dropped. */
  async *#chunks(incoming: IncomingMessage, bytesMax: number, received: Received): AsyncGenerator<Buffer> {
    if (announcedBy(incoming) > bytesMax) throw tooLarge(bytesMax)
    // Leaving the loop must not destroy the socket: the refusal still has to be written.
    for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
      if (received.bytes + chunk.length > bytesMax) throw tooLarge(bytesMax)
      this.#held.add(received, chunk.length)
      yield chunk
    }
  }
}

const announcedBy = ({ headers }: IncomingMessage): number => Number(headers['content-length'] ?? 0)

export const tooLarge = (bytesMax: number, hint?: string): LumosError =>
  new LumosError('INPUT_TOO_LARGE', `The body holds more than ${bytesMax} bytes.`, {
    hint,
    details: { bytesMax }
  })
