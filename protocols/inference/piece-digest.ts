/**
 * SHA-256 of the pieces of an answer, in their order: what `done` and a receipt say that was sent.
 *
 * It covers text, outputs, deltas and data as they are on the wire, each with its type and lengths before it. Progress is
 * no part of an answer. A later type of piece needs another digest: a reader that skips the piece could not hold this one.
 */

import { createHash, type Hash } from 'node:crypto'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { detach } from '../wire/control.ts'

const TYPES = { text: 16, output: 17, delta: 18, data: 19 } as const

export class PieceDigest {
  readonly #hash: Hash = createHash('sha256')
  #count = 0

  /** Pieces so far. */
  get count(): number {
    return this.#count
  }

  add(chunk: InferenceChunk): void {
    if (chunk.type === 'progress' || chunk.type === 'done') return
    this.#count++
    if (chunk.type === 'text') {
      this.#put(TYPES.text, Buffer.from(chunk.text), [])
      return
    }
    const { type, index: _, ...fields } = chunk
    const { control, data } = detach('output' in fields ? fields.output : fields)
    this.#put(TYPES[type], control, data)
  }

  /** In hex. More may follow. */
  get value(): string {
    return this.#hash.copy().digest('hex')
  }

  #put(type: number, control: Uint8Array, data: readonly Uint8Array[]): void {
    const head = Buffer.alloc(5 + data.length * 4)
    head.writeUInt8(type)
    head.writeUInt32BE(control.byteLength, 1)
    for (const [i, { byteLength }] of data.entries()) head.writeUInt32BE(byteLength, 5 + i * 4)
    this.#hash.update(head).update(control)
    for (const bytes of data) this.#hash.update(bytes)
  }
}
