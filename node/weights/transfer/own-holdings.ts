/**
 * What this node has of weights, as one peer may see it. A block is shown where a repository that holds it is offered to
 * the peer; anything else answers as if it were not here. What is on its way is shown as far as it has come.
 */

import { LEAF_BYTES } from '../../../interface/limits.ts'
import {
  DIGEST_BYTES,
  type FoundRepository,
  type Holdings,
  LEAVES_PER_ANSWER,
  LEAVES_PER_BITMAP,
  type OfComing,
  type Share
} from '../../../protocols/blocks/index.ts'
import { leafDigest } from '../../../storage/weights/cid.ts'
import type { StoredRepository, WeightStore } from '../../../storage/weights/types.ts'
import type { IncomingFile, IncomingRepository } from './incoming.ts'

export interface OwnHoldingsComponents {
  readonly store: WeightStore
  incoming(): Iterable<IncomingRepository>
  /** Whether the peer may have the weights of this name. */
  may(name: string): boolean
  /** Files that this device downloads together with others, where they are for the peer. */
  shared?(): Iterable<IncomingFile>
  coming?(question: OfComing): Promise<Share | undefined>
}

export class OwnHoldings implements Holdings {
  readonly #components: OwnHoldingsComponents

  constructor(components: OwnHoldingsComponents) {
    this.#components = components
  }

  find(ref: string): FoundRepository | undefined {
    const whole = this.#repository(ref)
    if (whole !== undefined) {
      return { envelope: whole.envelope, bytesHave: whole.bytes, bytesTotal: whole.bytes }
    }
    for (const incoming of this.#incoming()) {
      const { name, cid, files } = incoming.repository
      if (ref !== name && ref !== cid && !files.some(({ sha256 }) => sha256 === ref)) continue
      return { envelope: incoming.envelope, bytesHave: incoming.bytesHave, bytesTotal: incoming.bytesTotal }
    }
    return undefined
  }

  leaves(file: string, from: number): Uint8Array | undefined {
    const digests = this.#incomingFile(file)?.digests
    const end = from + LEAVES_PER_ANSWER
    if (digests !== undefined) return digests.subarray(from * DIGEST_BYTES, end * DIGEST_BYTES)
    if (this.#storedFile(file) === undefined) return undefined
    return this.#components.store.digestsOf(file, from, LEAVES_PER_ANSWER)
  }

  have(file: string, from: number): Uint8Array | undefined {
    const incoming = this.#incomingFile(file)
    const bytes = incoming?.file.bytes ?? this.#storedFile(file)?.bytes
    if (bytes === undefined) return undefined
    const leaves = Math.max(1, Math.ceil(bytes / LEAF_BYTES)) - from
    const count = Math.max(0, Math.min(leaves, LEAVES_PER_BITMAP))
    if (incoming !== undefined) return incoming.bitmap(from, count)
    const bitmap = new Uint8Array(Math.ceil(count / 8)).fill(255)
    if (count % 8 !== 0) bitmap[bitmap.length - 1] = (1 << (count % 8)) - 1
    return bitmap
  }

  async block(cid: string, into?: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#isShown(cid) ? await this.#components.store.block(cid, into) : undefined
  }

  async coming(question: OfComing): Promise<Share | undefined> {
    return await this.#components.coming?.(question)
  }

  /** Through any repository that holds it. */
  #isShown(cid: string): boolean {
    const { store, may } = this.#components
    if (store.namesOf(cid).some(may)) return true
    const digest = leafDigest(cid)
    if (digest === undefined) return this.#incomingFile(cid) !== undefined
    // The lists of files that come may be long: what is not on disk is not looked for.
    if (!store.hasBlock(cid)) return false
    const files = [...this.#incoming()].flatMap(({ files }) => files)
    return [...files, ...(this.#components.shared?.() ?? [])].some(file => file.contains(digest))
  }

  /** Of several with this content, one that the peer may have. */
  #repository(ref: string): StoredRepository | undefined {
    const { store, may } = this.#components
    const called = store.repository(ref)
    if (called !== undefined && may(called.name)) return called
    const file = store.file(ref)
    for (const name of store.namesOf(file?.cid ?? ref)) {
      const other = may(name) ? store.repository(name) : undefined
      if (other !== undefined && (file !== undefined || other.cid === ref)) return other
    }
    return undefined
  }

  #storedFile(cid: string) {
    const { store, may } = this.#components
    return store.namesOf(cid).some(may) ? store.fileByCid(cid) : undefined
  }

  #incomingFile(cid: string): IncomingFile | undefined {
    for (const { files } of this.#incoming()) {
      const found = files.find(({ file }) => file.cid === cid)
      if (found !== undefined) return found
    }
    return undefined
  }

  *#incoming(): Generator<IncomingRepository> {
    for (const incoming of this.#components.incoming()) {
      if (this.#components.may(incoming.repository.name)) yield incoming
    }
  }
}
