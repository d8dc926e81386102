/** When the creator's device compacts a space by itself. */

import { toLumosError } from '../../../interface/errors.ts'
import type { Bases } from './bases.ts'
import type { Checkpoints } from './checkpoints.ts'
import type { Parts } from './parts.ts'
import { problemOf } from './problem.ts'
import type { Space } from './space.ts'

/** Some thousand envelopes. */
const BYTES_MIN = 1024 * 1024
const GROWTH = 3
/** Checking so many takes a newcomer about as long as taking a checkpoint does. */
const NEWCOMER_ENVELOPES_MAX = 512

export class Tending {
  readonly #parts: Parts
  readonly #bases: Bases
  readonly #checkpoints: Checkpoints
  /** Bytes after the last compaction in this run. */
  readonly #tended = new Map<number, number>()

  constructor(parts: Parts, bases: Bases, checkpoints: Checkpoints) {
    this.#parts = parts
    this.#bases = bases
    this.#checkpoints = checkpoints
  }

  /** After a write: where the space has grown to three times what it was after the last time. */
  grown(space: Space): void {
    const bytes = this.#tended.get(space.row) ?? 0
    if (space.bytes > Math.max(BYTES_MIN, GROWTH * bytes)) this.#compact(space)
  }

  /**
   * A device that has nothing of the space is about to get it: as one snapshot, where it would have many envelopes to check.
   * However often it asks, each checkpoint has new envelopes in it.
   */
  newcomer(space: Space): void {
    let envelopes = 0
    for (const writer of space.writers.values())
      envelopes += Math.max(0, writer.head.seq - this.#bases.covered(space, writer))
    if (envelopes > NEWCOMER_ENVELOPES_MAX) this.#compact(space)
  }

  #compact(space: Space): void {
    const { charter } = space.charter
    if (charter.creator !== this.#parts.key.peerId || charter.gone) return
    try {
      this.#checkpoints.compact(space)
    } catch (thrown) {
      if (toLumosError(thrown).code.startsWith('STORE_')) throw thrown
      // What was written is fine without it. It is tried again when the space has grown.
      this.#parts.emit(problemOf(space, thrown))
    }
    // Where another device still needs the log, that is all of it, and the next time is later.
    this.#tended.set(space.row, space.bytes)
  }
}
