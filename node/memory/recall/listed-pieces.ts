/**
 * Pieces that files list. A fact that looks like a piece and that no file lists is not indexed: each writer of a space may
 * write any number of these, and they would take the ranks of what can be quoted.
 */

import type { MemoryValue } from '../../../interface/memory.ts'
import { partsOfKey, pieceKey, toFile, toPiece } from '../knowledge/file-fact.ts'

/** A hash of 22 characters in a set, about. */
const HASH_BYTES = 80

export class ListedPieces {
  /** By the number of the document, and the name of the file. */
  readonly #docs = new Map<number, Map<string, ReadonlySet<string>>>()
  #hashes = 0

  get bytes(): number {
    return this.#hashes * HASH_BYTES
  }

  /** Whether it is to be indexed. What is no piece of a file is. */
  has(doc: number, key: string, value: MemoryValue): boolean {
    const parts = partsOfKey(key)
    if (parts === undefined || toPiece(value) === undefined) return true
    return this.#docs.get(doc)?.get(parts.name)?.has(parts.hash) ?? false
  }

  /** @returns keys of pieces that are listed since, and of such as are no longer. */
  put(doc: number, name: string, value: MemoryValue | undefined): string[] {
    const files = this.#docs.get(doc) ?? new Map<string, ReadonlySet<string>>()
    this.#docs.set(doc, files)
    const before = files.get(name) ?? new Set<string>()
    const now = new Set(toFile(value)?.pieces.map(([hash]) => hash))
    if (now.size === 0) files.delete(name)
    else files.set(name, now)
    this.#hashes += now.size - before.size
    const changed = [...now, ...before].filter(hash => now.has(hash) !== before.has(hash))
    return changed.map(hash => pieceKey(name, hash))
  }

  drop(doc: number): void {
    for (const hashes of this.#docs.get(doc)?.values() ?? []) this.#hashes -= hashes.size
    this.#docs.delete(doc)
  }
}
