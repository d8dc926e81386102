/** The keys of one space: the newest opens all before it, by the chain in the charter. */

import { createHmac } from 'node:crypto'
import { LumosError } from '../../../interface/errors.ts'
import type { Charter } from '../../../protocols/memory/charter.ts'
import { equal, sha256 } from '../../../protocols/memory/envelope.ts'
import { DOCS_MAX } from '../../../protocols/memory/limits.ts'
import { newKey, seal, unseal } from './boxes.ts'

/** Of its hash: no two keys have the same, so no box opens as two texts. */
const ID_BYTES = 16

/** A box that names its key: of two keys that were made for one epoch, each device takes the same. */
export const sealUnder = (key: Uint8Array, space: string, about: string, plain: Uint8Array): Uint8Array =>
  new Uint8Array(Buffer.concat([keyId(space, key), seal(key, about, plain)]))

const keyId = (space: string, key: Uint8Array): Uint8Array =>
  sha256('lumos/memory/key-id/1', space, key).subarray(0, ID_BYTES)

/** As many as a space has documents: each envelope asks for its tag. */
const TAGS_MAX = DOCS_MAX

export class Keyring {
  readonly #space: string
  /** By epoch, from 1. */
  readonly #keys = new Map<number, Uint8Array>()
  /** Those, and keys of charters that lost. By the name that boxes have of them, in hex. */
  readonly #byId = new Map<string, Uint8Array>()
  /** By kind and name, under the first key. */
  readonly #tags = new Map<string, Uint8Array>()

  constructor(space: string) {
    this.#space = space
  }

  /** The newest key, if it is the one that the charter means; then all before it are known too. */
  take(key: Uint8Array, { epochs }: Pick<Charter, 'epochs'>): boolean {
    const found: [number, Uint8Array][] = []
    let opened = key
    for (let epoch = epochs.length; epoch >= 1; epoch--) {
      const { check, previous } = epochs[epoch - 1]!
      if (!equal(checkOf(this.#space, epoch, opened), check)) return false
      found.push([epoch, opened])
      if (epoch === 1) break
      try {
        opened = unseal(opened, this.#about(epoch), previous!)
      } catch {
        return false
      }
    }
    for (const [epoch, known] of found) {
      this.#keys.set(epoch, known)
      this.learn(known)
    }
    this.#tags.clear()
    return true
  }

  /** Nothing is written under a key of a charter that lost to this one. @returns those keys. */
  keep({ epochs }: Pick<Charter, 'epochs'>): Uint8Array[] {
    const lost: Uint8Array[] = []
    for (const [epoch, key] of this.#keys) {
      const check = epochs[epoch - 1]?.check
      if (check !== undefined && equal(checkOf(this.#space, epoch, key), check)) continue
      this.#keys.delete(epoch)
      lost.push(key)
    }
    this.#tags.clear()
    return lost
  }

  forget(): void {
    for (const keys of [this.#keys, this.#byId, this.#tags]) keys.clear()
  }

  /** Boxes open under it from now on. */
  learn(key: Uint8Array): void {
    this.#byId.set(hex(keyId(this.#space, key)), key)
  }

  /** Whether the key is here that this box names. */
  has(box: Uint8Array): boolean {
    return this.#byId.has(hex(box.subarray(0, ID_BYTES)))
  }

  isUnder(box: Uint8Array, key: Uint8Array): boolean {
    return equal(box.subarray(0, ID_BYTES), keyId(this.#space, key))
  }

  /** Throws where the box was made for something else, or was changed. @throws {LumosError} `MEMORY_DENIED`: no key. */
  open(about: string, box: Uint8Array): Uint8Array {
    const key = this.#byId.get(hex(box.subarray(0, ID_BYTES)))
    if (key !== undefined) return unseal(key, about, box.subarray(ID_BYTES))
    throw new LumosError('MEMORY_DENIED', `A key of the space ${this.#space} has not come yet.`)
  }

  get(epoch: number): Uint8Array | undefined {
    return this.#keys.get(epoch)
  }

  newest({ epochs }: Pick<Charter, 'epochs'>): Uint8Array | undefined {
    return this.#keys.get(epochs.length)
  }

  /** One epoch more. Its key is taken with the charter that names it. */
  rotate(epochs: Charter['epochs']): { key: Uint8Array; epochs: Charter['epochs'] } {
    const key = newKey()
    const epoch = epochs.length + 1
    const before = this.#keys.get(epochs.length)
    const previous = before === undefined ? null : seal(key, this.#about(epoch), before)
    return { key, epochs: [...epochs, { check: checkOf(this.#space, epoch, key), previous }] }
  }

  /** Of a document, by the first key: the same on each device, for ever, and no guess for a device without a key. */
  tag(name: string, kind: string): Uint8Array {
    const first = this.#keys.get(1)
    if (first === undefined) throw new Error('A space without its key has no documents.')
    const what = `lumos/memory/tag/1\0${kind}\0${name}`
    const known = this.#tags.get(what)
    if (known !== undefined) return known
    const tag = new Uint8Array(createHmac('sha256', first).update(what).digest().subarray(0, 16))
    if (this.#tags.size >= TAGS_MAX) this.#tags.clear()
    this.#tags.set(what, tag)
    return tag
  }

  #about(epoch: number): string {
    return `lumos/memory/epoch/1 ${this.#space} ${epoch}`
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const checkOf = (space: string, epoch: number, key: Uint8Array): Uint8Array =>
  sha256('lumos/memory/check/1', space, String(epoch), key)
