/** The leaves of a file that is not whole yet, as the devices list them that have them, and which device has listed what. */

import { LEAF_BYTES } from '../../../interface/limits.ts'
import { DIGEST_BYTES } from '../../../protocols/blocks/index.ts'
import { LEAVES_PER_LIST, type LeafList } from '../../../protocols/weights/leaf-list.ts'
import type { Signed } from '../../../protocols/wire/signed-record.ts'

/** Of the lists that are kept for others: a list of one leaf and its signature take less, and a few long lists more. */
const BYTES_PER_LEAF = 1024
const SPARE_BYTES = 2 ** 20

interface Kept extends Pick<LeafList, 'first' | 'digests'> {
  readonly signer: string
  /** The device that sent it. It is no proof against a signer what another one passes on: that may be an old list. */
  readonly from: string
}

export class LeafLists {
  /** Of all leaves; zeros for those that are not listed. */
  readonly digests: Uint8Array
  /** Those that have brought a leaf, for others. */
  readonly envelopes: Uint8Array[] = []
  readonly #listed: Uint8Array
  readonly #kept: Kept[] = []
  /** Of the envelopes of others. */
  #keptBytes = 0
  /** Leaves of this device that no list has yet. */
  readonly #own = new Set<number>()
  #sealing: Promise<void> = Promise.resolve()

  constructor(bytes: number) {
    const leaves = Math.max(1, Math.ceil(bytes / LEAF_BYTES))
    this.digests = new Uint8Array(leaves * DIGEST_BYTES)
    this.#listed = new Uint8Array(leaves)
  }

  has(leaf: number): boolean {
    return this.#listed[leaf] === 1
  }

  /** Devices but this one whose lists count. */
  get signers(): string[] {
    return [...new Set(this.#kept.map(({ signer }) => signer))]
  }

  /** From the origin or the disk of this device, whatever others list. */
  own(leaf: number, digest: Uint8Array): void {
    const known = this.has(leaf) && Buffer.from(digest).equals(this.#digestOf(leaf))
    this.#set(leaf, digest)
    // A list of another device has it, and that is passed on.
    if (!known) this.#own.add(leaf)
  }

  /** @returns whether it has brought a leaf that no list had. */
  take({ value: { first, digests }, signer, envelope }: Signed<LeafList>, from: string): boolean {
    const keptBytes = this.#keptBytes + envelope.byteLength
    if (keptBytes > this.#listed.length * BYTES_PER_LEAF + SPARE_BYTES) return false
    let brings = false
    for (let n = 0; n * DIGEST_BYTES < digests.byteLength; n++) {
      if (this.has(first + n)) continue
      this.#set(first + n, digests.subarray(n * DIGEST_BYTES, (n + 1) * DIGEST_BYTES))
      brings = true
    }
    if (!brings) return false
    this.#keptBytes = keptBytes
    this.envelopes.push(envelope)
    this.#kept.push({ first, digests, signer, from })
    return true
  }

  /** Leaves of this device become lists. */
  async seal(seal: (first: number, digests: Uint8Array) => Promise<Uint8Array>): Promise<void> {
    const sealing = this.#sealing.then(() => this.#seal(seal))
    this.#sealing = sealing.catch(() => {})
    await sealing
  }

  /** Devices that have listed to this one what the whole file is not. */
  liars(whole: Uint8Array): string[] {
    const wrong = this.#kept.filter(
      ({ first, digests, signer, from }) =>
        signer === from &&
        !Buffer.from(digests).equals(whole.subarray(first * DIGEST_BYTES).subarray(0, digests.byteLength))
    )
    return [...new Set(wrong.map(({ signer }) => signer))]
  }

  async #seal(seal: (first: number, digests: Uint8Array) => Promise<Uint8Array>): Promise<void> {
    const leaves = [...this.#own].sort((a, b) => a - b)
    for (let at = 0; at < leaves.length; ) {
      const first = leaves[at]!
      let end = at + 1
      while (leaves[end] === first + end - at && end - at < LEAVES_PER_LIST) end++
      const digests = this.digests.slice(first * DIGEST_BYTES, (first + end - at) * DIGEST_BYTES)
      this.envelopes.push(await seal(first, digests))
      for (const leaf of leaves.slice(at, end)) this.#own.delete(leaf)
      at = end
    }
  }

  #set(leaf: number, digest: Uint8Array): void {
    this.digests.set(digest, leaf * DIGEST_BYTES)
    this.#listed[leaf] = 1
  }

  #digestOf(leaf: number): Uint8Array {
    return this.digests.subarray(leaf * DIGEST_BYTES, (leaf + 1) * DIGEST_BYTES)
  }
}
