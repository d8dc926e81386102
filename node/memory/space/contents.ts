/** What is readable in a space. A document whose hash is on disk is not opened to say so: a device keeps few of them open. */

import type { DocKind } from '../../../interface/memory.ts'
import { equal } from '../../../protocols/memory/envelope.ts'
import type { DocFacts } from '../../../storage/memory/rows.ts'
import type { DocName } from './batches.ts'
import type { Documents } from './documents.ts'
import { getsOn, type Parts } from './parts.ts'
import type { Space } from './space.ts'

const NONE: ReadonlySet<number> = new Set()

export interface Content extends DocName {
  readonly hash: Uint8Array
}

export interface Sized extends Content {
  readonly entries: number
  readonly bytes: number
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
    const known = this.#known(space)
    return this.#documents
      .names(space)
      .filter(({ tag }) => !space.isForgotten(tag))
      .map(doc => ({ ...doc, hash: this.#hash(space, doc, known) }))
      .filter(({ kind, hash }) => !equal(hash, this.#emptyHash(kind)))
  }

  /** The same, with how much is in each. */
  sized(space: Space): Sized[] {
    const contents = this.of(space)
    const known = this.#known(space)
    return contents.map(content => {
      const { tag, name, kind } = content
      const opened = this.#documents.opened(space, tag)
      const facts = opened === undefined ? known.get(hex(tag)) : undefined
      if (facts !== undefined) return { ...content, entries: facts.entries, bytes: facts.bytes }
      const { model } = opened ?? this.#documents.open(space, name, kind)
      return { ...content, entries: model.entries(), bytes: model.bytes() }
    })
  }

  #known(space: Space): ReadonlyMap<string, DocFacts> {
    return new Map(this.#parts.log.facts(space.row).map(facts => [hex(facts.tag), facts]))
  }

  #hash(space: Space, { tag, name, kind }: DocName, known: ReadonlyMap<string, DocFacts>): Uint8Array {
    getsOn(this.#parts)
    const opened = this.#documents.opened(space, tag)
    if (opened !== undefined) return this.#documents.hash(opened)
    return known.get(hex(tag))?.hash ?? this.#documents.hash(this.#documents.open(space, name, kind))
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
