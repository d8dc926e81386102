/**
 * The blocks that one question to a foreign peer reads, counted. Few blocks can refer to one another so that a walk never
 * ends, and never waits: what is kept answers at once.
 */

import type { UnixFS } from '@helia/unixfs'
import { unixfs } from '@helia/unixfs'
import type { CID } from 'multiformats/cid'
import { weightsInvalid } from './origin.ts'

type Blocks = Parameters<typeof unixfs>[0]['blockstore']

/** Read before the first entry or the first bytes come: a path through a sharded folder or a file is far shorter. */
const READS_AHEAD = 256
/** For each entry or part that comes: its own, that of a folder twice, and a node above it. */
const READS_EACH = 4

export class CountedBlocks {
  readonly fs: UnixFS
  readonly #blocks: Blocks
  readonly #signal: AbortSignal
  #left = READS_AHEAD

  constructor(blocks: Blocks, signal: AbortSignal) {
    this.#blocks = blocks
    this.#signal = signal
    const get = (cid: CID) => this.#get(cid)
    this.fs = unixfs({ blockstore: { get, put: cid => cid, has: () => false } })
  }

  /** An entry or a part has come. */
  came(): void {
    if (this.#left > 0) this.#left += READS_EACH
  }

  async read(cid: CID): Promise<Uint8Array> {
    return Buffer.concat(await Array.fromAsync(this.#get(cid)))
  }

  /** @throws {LumosError} `WEIGHTS_INVALID` past the bound, and each time from then on. */
  async *#get(cid: CID): AsyncGenerator<Uint8Array> {
    if (this.#left-- <= 0) {
      this.#left = 0
      throw weightsInvalid(
        'The peer sent blocks that refer to one another without an entry or a byte in them'
      )
    }
    // Timers and other streams have their turn, also where no block is waited for.
    await new Promise(resolve => setImmediate(resolve))
    this.#signal.throwIfAborted()
    yield* this.#blocks.get(cid, { signal: this.#signal })
  }
}
