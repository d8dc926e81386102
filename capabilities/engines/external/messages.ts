/** The protocol of an engine that is a program: one JSON object a line, and behind it the bytes that it refers to. */

import { EngineFailedError } from '../../../interface/errors.ts'
import { TENSOR_BYTES_MAX } from '../../../interface/limits.ts'
import { isRecord } from '../../../interface/record.ts'

/** The version that this node speaks. */
export const PROTOCOL = 1

/** Room for a thousand labels of a thousand characters; media travel as parts. */
const LINE_BYTES_MAX = 1024 * 1024
/** Tensors of one request are as many at most. */
const PARTS_MAX = 64
/** All parts behind one line. */
export const PARTS_BYTES_MAX = TENSOR_BYTES_MAX

/** Stands for bytes: the number of the part that holds them. */
const PART = '$part'
/** Of a message: the lengths of the parts behind its line. */
const PARTS = 'parts'
const NEWLINE = 0x0a
const EMPTY = Buffer.alloc(0)

export type Message = Readonly<Record<string, unknown>>

/** The line of a message, and its parts. */
export function encodeMessage(message: object): Uint8Array[] {
  const parts: Uint8Array[] = []
  const lift = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (ArrayBuffer.isView(value)) {
      const { buffer, byteOffset, byteLength } = value
      return { [PART]: parts.push(new Uint8Array(buffer, byteOffset, byteLength)) - 1 }
    }
    if (Array.isArray(value)) return value.map(lift)
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, lift(member)]))
  }
  const lifted = lift(message) as object
  const lengths = parts.length > 0 ? { [PARTS]: parts.map(({ byteLength }) => byteLength) } : {}
  return [Buffer.from(`${JSON.stringify({ ...lifted, ...lengths })}\n`), ...parts]
}

/** Puts messages together again. Holds one at most, and of that one the bytes that have come. */
export class MessageReader {
  readonly #onMessage: (message: Message, bytes: number) => void
  #line: Buffer[] = []
  #lineBytes = 0
  /** Its line has come, and not all of its parts. */
  #message: Record<string, unknown> | undefined
  #parts: Buffer[] = []
  #part = 0
  #filled = 0
  /** Of the message under way: its line and its parts. */
  #bytes = 0

  /** @param onMessage is given what the message took on the wire, too. */
  constructor(onMessage: (message: Message, bytes: number) => void) {
    this.#onMessage = onMessage
  }

  /** @throws {EngineFailedError} when a length is above its limit, or a line is no message. */
  push(chunk: Buffer): void {
    let rest = chunk
    while (rest.length > 0) rest = this.#message === undefined ? this.#takeLine(rest) : this.#takePart(rest)
  }

  #takeLine(rest: Buffer): Buffer {
    const end = rest.indexOf(NEWLINE)
    const piece = end === -1 ? rest : rest.subarray(0, end)
    this.#lineBytes += piece.length
    if (this.#lineBytes > LINE_BYTES_MAX) throw wrote(`a line of more than ${LINE_BYTES_MAX} bytes`)
    this.#line.push(piece)
    if (end === -1) return EMPTY
    const line = Buffer.concat(this.#line).toString()
    this.#line = []
    this.#lineBytes = 0
    if (line.trim() !== '') this.#begin(line)
    return rest.subarray(end + 1)
  }

  #begin(line: string): void {
    const message = parse(line)
    this.#parts = lengthsOf(message[PARTS]).map(length => Buffer.allocUnsafeSlow(length))
    this.#message = message
    this.#bytes = this.#parts.reduce((sum, { length }) => sum + length, line.length)
    this.#part = 0
    this.#skipEmpty()
  }

  #takePart(rest: Buffer): Buffer {
    const part = this.#parts[this.#part]!
    const copied = rest.copy(part, this.#filled)
    this.#filled += copied
    if (this.#filled === part.length) {
      this.#part++
      this.#filled = 0
      this.#skipEmpty()
    }
    return rest.subarray(copied)
  }

  #skipEmpty(): void {
    while (this.#parts[this.#part]?.length === 0) this.#part++
    if (this.#part < this.#parts.length) return
    const message = this.#message!
    const parts = this.#parts
    this.#message = undefined
    this.#parts = []
    this.#onMessage(placed(message, parts), this.#bytes)
  }
}

function parse(line: string): Record<string, unknown> {
  try {
    const message: unknown = JSON.parse(line)
    if (isRecord(message) && typeof message.type === 'string') return message
  } catch {
    // As any other line that is no message.
  }
  throw wrote('a line that is no message: stdout is for messages only, stderr for all else')
}

function lengthsOf(stated: unknown): number[] {
  if (stated === undefined) return []
  if (!Array.isArray(stated) || stated.length > PARTS_MAX)
    throw wrote(`more than ${PARTS_MAX} parts, or no list`)
  let bytes = 0
  for (const length of stated) {
    if (!Number.isSafeInteger(length) || length < 0) throw wrote('a part whose length is no length')
    bytes += length
    if (bytes > PARTS_BYTES_MAX) throw wrote(`parts of more than ${PARTS_BYTES_MAX} bytes`)
  }
  return stated
}

function placed(message: Record<string, unknown>, parts: readonly Buffer[]): Message {
  const place = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(place)
    const members = value as Record<string, unknown>
    if (Object.hasOwn(members, PART)) {
      const part = parts[Number(members[PART])]
      if (part === undefined) throw wrote('the number of a part that is not there')
      return new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
    }
    for (const name in members) members[name] = place(members[name])
    return members
  }
  try {
    return parts.length === 0 ? message : (place(message) as Message)
  } catch (err) {
    // Also when values are nested too deeply to go through them.
    throw err instanceof EngineFailedError ? err : wrote('a message that cannot be read')
  }
}

const wrote = (what: string): EngineFailedError => new EngineFailedError(`wrote ${what}`)
