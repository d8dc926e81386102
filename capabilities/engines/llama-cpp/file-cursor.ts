/** Reads a file from its beginning, a piece at a time, and never beyond where its head may end. */

import type { FileHandle } from 'node:fs/promises'
import { invalid } from '../../models/description.ts'

/** What is in a piece is gone through in one turn of the event loop: a few milliseconds for texts of no length. */
const PIECE_BYTES = 64 * 1024
const INT64_BYTES = 8

export class FileCursor {
  readonly #file: FileHandle
  readonly #limit: number
  readonly #size: number
  #piece: Buffer = Buffer.alloc(0)
  /** Where the piece begins. */
  #start = 0
  #position = 0

  /** @param limit where reading ends, in a file of `size` bytes. */
  constructor(file: FileHandle, limit: number, size: number) {
    this.#file = file
    this.#limit = limit
    this.#size = size
  }

  get position(): number {
    return this.#position
  }

  async uint32(): Promise<number> {
    return (await this.#take(4)).readUInt32LE()
  }

  async uint64(): Promise<number> {
    const value = (await this.#take(INT64_BYTES)).readBigUInt64LE()
    // Twice the largest would still be exact enough to be refused.
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value)
  }

  /** @throws {LumosError} `MODEL_INVALID` above `max`. */
  async count(what: string, max: number): Promise<number> {
    const count = await this.uint64()
    if (count > max) throw invalid(`it states more than ${max} ${what}, which is the limit`)
    return count
  }

  async text(bytesMax: number): Promise<string> {
    const bytes = await this.count('bytes of a text', bytesMax)
    return (await this.#take(bytes)).toString('utf8')
  }

  async skipText(): Promise<void> {
    this.skip(await this.uint64())
  }

  skip(bytes: number): void {
    const left = this.#limit - this.#position
    if (!(bytes <= left)) throw this.#beyond()
    this.#position += bytes
  }

  /** @param type as GGUF numbers its kinds of values. */
  async number(type: number, width: number): Promise<number | boolean> {
    const bytes = await this.#take(width)
    switch (type) {
      case 0:
        return bytes.readUInt8()
      case 1:
        return bytes.readInt8()
      case 2:
        return bytes.readUInt16LE()
      case 3:
        return bytes.readInt16LE()
      case 4:
        return bytes.readUInt32LE()
      case 5:
        return bytes.readInt32LE()
      case 6:
        return bytes.readFloatLE()
      case 7:
        return bytes.readUInt8() !== 0
      case 10:
        return Number(bytes.readBigUInt64LE())
      case 11:
        return Number(bytes.readBigInt64LE())
      default:
        return bytes.readDoubleLE()
    }
  }

  async #take(bytes: number): Promise<Buffer> {
    const from = this.#position
    this.skip(bytes)
    if (from < this.#start || this.#position > this.#start + this.#piece.length) {
      const wanted = Math.min(Math.max(bytes, PIECE_BYTES), this.#limit - from)
      const piece = Buffer.allocUnsafe(wanted)
      const { bytesRead } = await this.#file.read(piece, 0, wanted, from)
      this.#piece = piece.subarray(0, bytesRead)
      this.#start = from
      // It became shorter while it was read.
      if (bytesRead < bytes) throw this.#beyond()
    }
    return this.#piece.subarray(from - this.#start, from - this.#start + bytes)
  }

  #beyond(): Error {
    return invalid(
      this.#limit < this.#size
        ? `its head is longer than ${this.#limit} bytes, which is the limit`
        : 'it is cut, or its head is damaged; its download may not be complete'
    )
  }
}
