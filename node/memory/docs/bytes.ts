/** The numbers and strings of Yjs updates, V1: read strictly, and written. */

import { isUtf8 } from 'node:buffer'
import { invalid } from './invalid.ts'

/** Seven bits a byte: eight of these hold all that a number can. */
const VAR_UINT_BYTES_MAX = 8

export class UpdateReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get at(): number {
    return this.#at
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  /** Ends the reading: what follows the last thing belongs to nothing. */
  end(): void {
    if (this.left > 0) throw invalid(`goes on for ${this.left} bytes after its end`)
  }

  byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw invalid('ends too early')
    return byte
  }

  uint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < VAR_UINT_BYTES_MAX; i++, scale *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte >= 0x80) continue
      if (byte === 0 && i > 0) throw invalid('pads a number')
      if (!Number.isSafeInteger(value)) break
      return value
    }
    throw invalid('holds a number beyond 2^53')
  }

  /** A count of things of which each takes a byte at least. */
  count(what: string): number {
    const count = this.uint()
    if (count > this.left) throw invalid(`states ${count} ${what} in ${this.left} bytes`)
    return count
  }

  /** A signed number: its first byte holds the sign and six bits. */
  int(): void {
    const first = this.byte()
    let value = first & 0x3f
    let scale = 64
    let more = first >= 0x80
    for (; more; scale *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (!Number.isSafeInteger(value)) throw invalid('holds a number beyond 2^53')
      more = byte >= 0x80
    }
  }

  skip(length: number): void {
    if (length > this.left) throw invalid('ends too early')
    this.#at += length
  }

  bytes(): Uint8Array {
    const length = this.uint()
    if (length > this.left) throw invalid(`states ${length} bytes where ${this.left} are left`)
    const start = this.#at
    this.#at += length
    return this.#bytes.subarray(start, this.#at)
  }

  text(): string {
    const bytes = this.bytes()
    if (!isUtf8(bytes)) throw invalid('holds text that is not UTF-8')
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  }
}

export class UpdateWriter {
  #bytes = Buffer.allocUnsafe(256)
  #at = 0

  byte(value: number): this {
    this.#reserve(1)
    this.#bytes[this.#at++] = value
    return this
  }

  uint(value: number): this {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.byte((rest % 128) | 0x80)
    return this.byte(rest)
  }

  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.byteLength)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.byteLength
    return this
  }

  bytes(bytes: Uint8Array): this {
    return this.uint(bytes.byteLength).raw(bytes)
  }

  text(text: string): this {
    return this.bytes(Buffer.from(text))
  }

  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#at))
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#at + bytes))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}
