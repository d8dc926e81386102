/** A store of whole and partial files in memory, with the promises of the real one that downloads rely on. */

import { createHash } from 'node:crypto'
import { LumosError } from '../../interface/errors.ts'
import { LEAF_BYTES } from '../../interface/weights.ts'
import type { PartialFile, StoredFile } from '../../storage/weights/types.ts'

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

export class MemoryPartials {
  readonly whole = new Map<string, Buffer>()
  readonly partials = new Map<string, MemoryPartial>()

  file(hash: string): StoredFile | undefined {
    const bytes = this.whole.get(hash)
    return bytes && { bytes: bytes.length, sha256: hash, cid: 'bafytest' }
  }

  async partial(key: string, bytes: number): Promise<MemoryPartial> {
    const partial = this.partials.get(key) ?? new MemoryPartial(bytes, this, key)
    this.partials.set(key, partial)
    return partial
  }
}

class MemoryPartial implements PartialFile {
  readonly bytes: number
  readonly leaves: number
  readonly content: Buffer
  readonly #here = new Set<number>()
  readonly #store: MemoryPartials
  readonly #key: string

  constructor(bytes: number, store: MemoryPartials, key: string) {
    this.bytes = bytes
    this.leaves = Math.max(1, Math.ceil(bytes / LEAF_BYTES))
    this.content = Buffer.alloc(bytes)
    this.#store = store
    this.#key = key
  }

  get bytesHave(): number {
    return [...this.#here].reduce((sum, leaf) => sum + this.#leaf(leaf).length, 0)
  }

  #leaf(leaf: number): Buffer {
    return this.content.subarray(leaf * LEAF_BYTES, (leaf + 1) * LEAF_BYTES)
  }

  has(leaf: number): boolean {
    return this.#here.has(leaf)
  }

  /** What was written of it is gone. */
  lose(leaf: number): void {
    this.#here.delete(leaf)
  }

  digest(leaf: number): Uint8Array | undefined {
    return this.has(leaf) ? sha256(this.#leaf(leaf)) : undefined
  }

  async write(leaf: number, bytes: Uint8Array, digest?: Uint8Array): Promise<void> {
    if (bytes.length !== this.#leaf(leaf).length)
      throw new LumosError('WEIGHTS_INVALID', 'The leaf has another length.')
    if (digest !== undefined && !sha256(bytes).equals(digest))
      throw new LumosError('WEIGHTS_INVALID', 'The leaf has another hash.')
    this.content.set(bytes, leaf * LEAF_BYTES)
    this.#here.add(leaf)
  }

  async read(leaf: number): Promise<Uint8Array> {
    return this.#leaf(leaf)
  }

  async finish(expected: { sha256?: string }): Promise<StoredFile> {
    const hash = sha256(this.content).toString('hex')
    await this.discard()
    if (expected.sha256 !== undefined && expected.sha256 !== hash)
      throw new LumosError('WEIGHTS_INVALID', 'The file has another hash.')
    this.#store.whole.set(hash, this.content)
    return this.#store.file(hash)!
  }

  async close(): Promise<void> {}

  async discard(): Promise<void> {
    this.#store.partials.delete(this.#key)
  }
}
