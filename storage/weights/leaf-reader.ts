/** Reads leaves of whole files. A file that is asked for one leaf is asked for the next ones: its handle stays open for a moment. */

import { type FileHandle, open } from 'node:fs/promises'
import type { Clock, Timer } from '../../interface/clock.ts'
import { LEAF_BYTES } from '../../interface/limits.ts'
import { sealFrom } from './folder.ts'

/** More than one transfer reads from at once; each takes a descriptor. */
const OPEN_MAX = 8
/** A holder that is read from asks more often. A file that is removed meanwhile takes its room until then. */
const IDLE_MS = 1000

/** Of a file: where it is and what it must be like. */
export interface LeafPlace {
  readonly path: string
  readonly bytes: number
  readonly seal: string
}

interface Kept {
  readonly handle: Promise<FileHandle>
  readers: number
  idle?: Timer
}

export class LeafReader {
  readonly #clock: Clock
  readonly #kept = new Map<string, Kept>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * @param into of `LEAF_BYTES`; a fresh array is made where there is none.
   * @returns undefined where the file is no longer what it was. @throws what the disk throws.
   */
  async read(
    { path, bytes, seal }: LeafPlace,
    leaf: number,
    into?: Uint8Array
  ): Promise<Uint8Array | undefined> {
    const kept = this.#take(path)
    try {
      const file = await kept.handle
      const length = Math.min(LEAF_BYTES, bytes - leaf * LEAF_BYTES)
      const buffer = into?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length)
      // Asked after the read: what was read is then of a file that had not changed.
      const { bytesRead } = await file.read(buffer, 0, length, leaf * LEAF_BYTES)
      const isSame = sealFrom(await file.stat({ bigint: true })) === seal
      return isSame && bytesRead === length ? buffer : undefined
    } catch (err) {
      if (this.#kept.get(path) === kept) this.#kept.delete(path)
      throw err
    } finally {
      this.#leave(path, kept)
    }
  }

  /** The file is removed or replaced. */
  forget(path: string): void {
    const kept = this.#kept.get(path)
    if (kept === undefined) return
    this.#kept.delete(path)
    if (kept.readers === 0) void close(kept)
  }

  async close(): Promise<void> {
    const all = [...this.#kept.values()]
    this.#kept.clear()
    // One that is read from is closed by its reader.
    await Promise.all(all.filter(({ readers }) => readers === 0).map(close))
  }

  #take(path: string): Kept {
    const kept = this.#kept.get(path) ?? { handle: open(path), readers: 0 }
    kept.idle?.cancel()
    kept.readers++
    // The one that was read last comes last.
    this.#kept.delete(path)
    this.#kept.set(path, kept)
    return kept
  }

  #leave(path: string, kept: Kept): void {
    if (--kept.readers > 0) return
    if (this.#kept.get(path) !== kept) void close(kept)
    else kept.idle = this.#clock.setTimer(() => this.forget(path), IDLE_MS)
    if (this.#kept.size <= OPEN_MAX) return
    const [oldest] = [...this.#kept].find(([, { readers }]) => readers === 0) ?? []
    if (oldest !== undefined) this.forget(oldest)
  }
}

async function close({ handle, idle }: Kept): Promise<void> {
  idle?.cancel()
  // One that could not be opened has nothing to close.
  await handle.then(file => file.close()).catch(() => undefined)
}
