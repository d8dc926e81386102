/** Reads the messages of ONNX: `https://github.com/onnx/onnx/blob/main/onnx/onnx.proto`. */

const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const FIXED32 = 5

/** A number as its 64 bits say, or the bytes of everything else. */
type Value = bigint | Buffer

/** The values of each field of a message, in their order. */
export type Message = ReadonlyMap<number, readonly Value[]>

/** @throws {Error} for what is no protobuf. */
export function messageOf(bytes: Buffer): Message {
  const fields = new Map<number, Value[]>()
  const reader = new Reader(bytes)
  while (!reader.atEnd) {
    const tag = Number(reader.varint())
    const number = Math.floor(tag / 8)
    const values = fields.get(number) ?? []
    fields.set(number, values)
    values.push(reader.value(tag % 8))
  }
  return fields
}

export const messagesIn = (message: Message, field: number): Message[] =>
  bytesIn(message, field).map(messageOf)

export const bytesIn = (message: Message, field: number): Buffer[] =>
  (message.get(field) ?? []).filter(value => typeof value !== 'bigint')

export const textIn = (message: Message, field: number): string => String(bytesIn(message, field)[0] ?? '')

/** Whole numbers, packed into one value or each in its own. */
export const numbersIn = (message: Message, field: number): bigint[] =>
  (message.get(field) ?? []).flatMap(value => {
    if (typeof value === 'bigint') return [value]
    const reader = new Reader(value)
    const numbers: bigint[] = []
    while (!reader.atEnd) numbers.push(reader.varint())
    return numbers
  })

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const [byte] = this.#take(1)
      value |= BigInt(byte! & 0x7f) << shift
      if (byte! < 0x80) return BigInt.asIntN(64, value)
    }
    throw new Error('A number of a protobuf has no end.')
  }

  value(type: number): Value {
    switch (type) {
      case VARINT:
        return this.varint()
      case LENGTH:
        return this.#take(Number(this.varint()))
      case FIXED32:
        return this.#take(4)
      case FIXED64:
        return this.#take(8)
      default:
        throw new Error(`A protobuf has a field of type ${type}.`)
    }
  }

  #take(length: number): Buffer {
    if (!(length >= 0 && length <= this.#bytes.length - this.#at)) throw new Error('A protobuf is cut short.')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }
}
