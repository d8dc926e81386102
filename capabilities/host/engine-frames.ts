/**
 * The frames between a node and an engine's process: the lengths of two parts, a message as JSON, and the bytes it refers to.
 * A reader checks both lengths before it holds any part, and its parser expects hostile input.
 */

import { EngineFailedError, LumosError } from '../../interface/errors.ts'
import { TENSOR_BYTES_MAX } from '../../interface/limits.ts'
import { isRecord } from '../../interface/record.ts'

/** How much each part of a frame may hold, and the error of a message that is larger. */
export interface FrameLimits {
  readonly json: number
  readonly bytes: number
  tooLarge(limit: string): LumosError
}

/** Its JSON has room for a thousand labels of a thousand characters. Parsed, it takes twenty times as much, for a moment. */
export const FROM_ENGINE: FrameLimits = {
  json: 1024 * 1024,
  bytes: TENSOR_BYTES_MAX,
  tooLarge: limit => new EngineFailedError(`The output of the model is larger than ${limit}.`)
}
/** Its JSON has room for a long conversation of a local program. Peers may send far less. */
export const TO_ENGINE: FrameLimits = {
  json: 64 * 1024 * 1024,
  bytes: TENSOR_BYTES_MAX,
  tooLarge: limit => new LumosError('INPUT_TOO_LARGE', `The input for an engine is larger than ${limit}.`)
}

const HEADER_BYTES = 8
/** Up to here a copy costs less than one more buffer to write. */
const COPIED_BYTES_MAX = 16 * 1024
/**
 * Stands for bytes: where they begin in the second part, and where they end. A record that has a member of this name
 * itself is put into one: `{ $bytes: record }`.
 */
const BYTES = '$bytes'

/**
 * The parts of the frame that carries `message`. Large tensors are not copied.
 *
 * @throws {LumosError} naming the limit.
 */
export function encodeFrame(message: object, limits: FrameLimits): Uint8Array[] {
  const views: Uint8Array[] = []
  let bytes = 0
  const lift = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (ArrayBuffer.isView(value)) {
      const start = bytes
      bytes += value.byteLength
      views.push(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
      return { [BYTES]: [start, bytes] }
    }
    if (Array.isArray(value)) return value.map(lift)
    const lifted = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, lift(member)]))
    return Object.hasOwn(value, BYTES) ? { [BYTES]: lifted } : lifted
  }

  const text = JSON.stringify(lift(message))
  const json = Buffer.byteLength(text)
  if (json > limits.json) throw limits.tooLarge(`${limits.json} bytes beside its tensors`)
  if (bytes > limits.bytes) throw limits.tooLarge(`${limits.bytes} bytes`)

  const copied = bytes <= COPIED_BYTES_MAX
  const head = Buffer.allocUnsafe(HEADER_BYTES + json + (copied ? bytes : 0))
  head.writeUInt32BE(json, 0)
  head.writeUInt32BE(bytes, 4)
  head.write(text, HEADER_BYTES)
  if (!copied) return [head, ...views]
  let end = HEADER_BYTES + json
  for (const view of views) {
    head.set(view, end)
    end += view.byteLength
  }
  return [head]
}

/** Puts frames together again. Holds one frame at most, and of that one the bytes that have come. */
export class FrameReader {
  readonly #limits: FrameLimits
  readonly #onMessage: (message: unknown) => void
  readonly #header = Buffer.alloc(HEADER_BYTES)
  #json: Buffer | undefined
  #bytes: Buffer | undefined
  /** What is being filled: one of the above. */
  #part: Buffer = this.#header
  #filled = 0

  constructor(limits: FrameLimits, onMessage: (message: unknown) => void) {
    this.#limits = limits
    this.#onMessage = onMessage
  }

  /** @throws {EngineFailedError} when a length is above its limit, or a message cannot be read. */
  push(chunk: Buffer): void {
    let from = 0
    while (from < chunk.length) {
      const copied = chunk.copy(this.#part, this.#filled, from)
      from += copied
      this.#filled += copied
      while (this.#filled === this.#part.length) this.#next()
    }
  }

  /** A part is complete; it may be an empty one. */
  #next(): void {
    this.#filled = 0
    if (this.#json === undefined) {
      const json = this.#within(this.#header.readUInt32BE(0), this.#limits.json)
      const bytes = this.#within(this.#header.readUInt32BE(4), this.#limits.bytes)
      // The system gives memory when it is written to, so what does not come costs nothing.
      this.#json = Buffer.allocUnsafe(json)
      this.#bytes = Buffer.allocUnsafeSlow(bytes)
      this.#part = this.#json
    } else if (this.#part === this.#json) {
      this.#part = this.#bytes!
    } else {
      const message = decode(this.#json, this.#bytes!)
      this.#json = undefined
      this.#bytes = undefined
      this.#part = this.#header
      this.#onMessage(message)
    }
  }

  #within(length: number, limit: number): number {
    if (length > limit) throw new EngineFailedError(`sent a frame of ${length} bytes; the limit is ${limit}`)
    return length
  }
}

/** @throws {EngineFailedError} when it is no message. */
function decode(json: Buffer, bytes: Buffer): Record<string, unknown> {
  try {
    const text = json.toString()
    const message: unknown = JSON.parse(text)
    if (isRecord(message)) {
      if (text.includes(`"${BYTES}":`)) place(message, bytes)
      return message
    }
  } catch {
    // Also when values are nested too deeply to go through them.
  }
  throw new EngineFailedError('sent a message that cannot be read')
}

/** What `value` becomes with its bytes in their places. A reviver of `JSON.parse` takes six times as long. */
function place(value: unknown, bytes: Buffer): unknown {
  if (typeof value !== 'object' || value === null) return value
  const stands = (value as Record<string, unknown>)[BYTES]
  if (Array.isArray(stands)) return viewOf(bytes, stands)
  const members = (isRecord(stands) ? stands : value) as Record<string, unknown>
  for (const name in members) members[name] = place(members[name], bytes)
  return members
}

/** `buffer`'s own memory, which no other frame shares. */
function viewOf({ buffer, length }: Buffer, [start, end]: readonly unknown[]): Uint8Array {
  if (!(Number.isSafeInteger(start) && Number.isSafeInteger(end))) throw new RangeError('no range')
  const [from, to] = [Number(start), Number(end)]
  if (from < 0 || from > to || to > length) throw new RangeError('no range')
  return new Uint8Array(buffer, from, to - from)
}
