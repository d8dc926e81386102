/** What is readable in a space. A document whose hash is on disk is not opened to say so: a device keeps few of them open. */

import type { DocKind } from '../../../interface/memory.ts'
import { equal } from '../../../protocols/memory/envelope.ts'
import type { DocName } from './batches.ts'
import type { Documents } from './documents.ts'
import { getsOn, type Parts } from './parts.ts'
import type { Space } from './space.ts'

const NONE: ReadonlySet<number> = new Set()

export interface Content extends DocName {
  readonly hash: Uint8Array
}

export class Contents {
  readonly #parts: Parts
  readonly #documents: Documents
  readonly #emptyHashes = new Map<DocKind, Uint8Array>()

  constructor(parts: Parts, documents: Documents) {
    this.#parts = parts
    this.#documents = documents
  }

  /** Of documents that are not forgotten, and in which something is written that counts. */
  of(space: Space): Content[] {
    const known = new Map(this.#parts.log.hashes(space.row).map(({ tag, hash }) => [hex(tag), hash]))
    return this.#documents
      .names(space)
      .filter(({ tag }) => !space.isForgotten(tag))
      .map(doc => ({ ...doc, hash: this.#hash(space, doc, known) }))
      .filter(({ kind, hash }) => !equal(hash, this.#emptyHash(kind)))
  }

  #hash(space: Space, { tag, name, kind }: DocName, known: ReadonlyMap<string, Uint8Array>): Uint8Array {
    getsOn(this.#parts)
    const opened = this.#documents.opened(space, tag)
    if (opened !== undefined) return this.#documents.hash(opened)
    return known.get(hex(tag)) ?? this.#documents.hash(this.#documents.open(space, name, kind))
  }

  /** Of one that is as if it had never been written. */
  #emptyHash(kind: DocKind): Uint8Array {
    let hash = this.#emptyHashes.get(kind)
    if (hash === undefined) {
      const model = this.#parts.openDoc(kind, null, NONE)
      hash = model.hash()
      model.close()
      this.#emptyHashes.set(kind, hash)
    }
    return hash
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
