/**
 * A file that is hashed while it comes, by the thread that hashes. Its leaves were written a moment ago, so they are read from
 * memory: each is read once where they come in order.
 */

import { createHash, hash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { LEAF_BYTES } from '../../interface/limits.ts'

/** For one leaf at a time, of any file. */
const buffer = Buffer.allocUnsafeSlow(LEAF_BYTES)

export class FollowedFile {
  /** In hex; undefined where the file is given up. */
  readonly hashed: Promise<string | undefined>
  readonly #bytes: number
  readonly #there: Uint8Array
  readonly #source: number
  readonly #whole = createHash('sha256')
  readonly #end = Promise.withResolvers<string | undefined>()
  /** Leaves from the start that are part of the hash. */
  #next = 0
  #turn: NodeJS.Immediate | undefined

  /** @param there a 1 for each leaf that is there. @throws what the disk throws. */
  constructor(path: string, bytes: number, there: Uint8Array) {
    this.hashed = this.#end.promise
    this.#bytes = bytes
    this.#there = there
    this.#source = openSync(path, 'r')
    this.#goOn()
  }

  /** @returns the SHA-256 of a leaf that was written. Where another one is expected, it is not taken for there. */
  leaf(leaf: number, expected: Uint8Array | undefined): Uint8Array {
    const bytes = this.#read(leaf)
    const digest = hash('sha256', bytes, 'buffer')
    if (expected !== undefined && !digest.equals(expected)) return digest
    this.#there[leaf] = 1
    if (leaf === this.#next) this.#take(bytes)
    this.#goOn()
    return digest
  }

  end(): void {
    this.#end.resolve(undefined)
  }

  close(): void {
    clearImmediate(this.#turn)
    closeSync(this.#source)
  }

  /** Leaves that came early, one a turn: a leaf that comes now does not wait for all of them. */
  #goOn(): void {
    if (this.#turn !== undefined || this.#there[this.#next] !== 1) return
    this.#turn = setImmediate(() => {
      this.#turn = undefined
      try {
        if (this.#there[this.#next] === 1) this.#take(this.#read(this.#next))
        this.#goOn()
      } catch (err) {
        this.#end.reject(err)
      }
    })
  }

  #take(bytes: Uint8Array): void {
    this.#whole.update(bytes)
    this.#next++
    if (this.#next === this.#there.length) this.#end.resolve(this.#whole.digest('hex'))
  }

  #read(leaf: number): Uint8Array {
    const from = leaf * LEAF_BYTES
    const bytes = buffer.subarray(0, Math.min(LEAF_BYTES, this.#bytes - from))
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(this.#source, bytes, at, bytes.length - at, from + at)
      if (read === 0) throw new Error(`the file ended at byte ${from + at}`)
      at += read
    }
    return bytes
  }
}
