/**
 * Between a node and the process that reads files for it. Each message is a head of JSON and a body of bytes, with their
 * lengths before them: `{ name }` and the file go in, what it is and its pieces as JSON come out.
 */

const LENGTHS_BYTES = 8
/** Where the process writes: what libraries print goes to no one. */
export const ANSWER_FD = 3
/** Of a head: a name, or why a file is refused. */
const HEAD_BYTES_MAX = 64 * 1024

export interface Message {
  readonly head: unknown
  readonly body: Buffer
}

export function* encodeMessage(head: unknown, body: Uint8Array): Iterable<Uint8Array> {
  const json = Buffer.from(JSON.stringify(head))
  const lengths = Buffer.alloc(LENGTHS_BYTES)
  lengths.writeUInt32BE(json.length, 0)
  lengths.writeUInt32BE(body.length, 4)
  yield lengths
  yield json
  yield body
}

/** Cuts a stream into messages. */
export class MessageReader {
  readonly #bodyBytesMax: number
  #parts: Buffer[] = []
  #bytes = 0

  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax
  }

  /** @returns those that are whole now. @throws where one is longer than it may be, or its head is no JSON. */
  push(part: Buffer): Message[] {
    this.#parts.push(part)
    this.#bytes += part.length
    const made: Message[] = []
    while (this.#bytes >= LENGTHS_BYTES) {
      if (this.#parts[0]!.length < LENGTHS_BYTES) this.#parts = [Buffer.concat(this.#parts)]
      const head = this.#parts[0]!.readUInt32BE(0)
      const body = this.#parts[0]!.readUInt32BE(4)
      if (head > HEAD_BYTES_MAX || body > this.#bodyBytesMax) throw new Error('A message is too long.')
      if (this.#bytes < LENGTHS_BYTES + head + body) break
      const all = Buffer.concat(this.#parts)
      const [headEnd, bodyEnd] = [LENGTHS_BYTES + head, LENGTHS_BYTES + head + body]
      made.push({
        head: JSON.parse(all.toString('utf8', LENGTHS_BYTES, headEnd)),
        body: all.subarray(headEnd, bodyEnd)
      })
      this.#parts = [all.subarray(bodyEnd)]
      this.#bytes -= bodyEnd
    }
    return made
  }
}
