/** Which leaves of a file were written, and with which digests: entries of one size, one after the other. */

import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

const DIGEST_BYTES = 32
/** Number of a leaf, and its digest. */
const ENTRY_BYTES = 4 + DIGEST_BYTES

export class Journal {
  readonly #file: FileHandle
  #bytes = 0

  private constructor(file: FileHandle) {
    this.#file = file
  }

  static async open(path: string): Promise<Journal> {
    return new Journal(await open(path, constants.O_RDWR | constants.O_CREAT, 0o600))
  }

  /** Of two entries for a leaf the later one counts. One that was torn is written over. Call it once, before `note`. */
  async entries(): Promise<Map<number, Uint8Array>> {
    const text = await this.#file.readFile()
    const digests = new Map<number, Uint8Array>()
    this.#bytes = text.length - (text.length % ENTRY_BYTES)
    for (let at = 0; at < this.#bytes; at += ENTRY_BYTES)
      digests.set(text.readUInt32BE(at), text.subarray(at + 4, at + ENTRY_BYTES))
    return digests
  }

  async note(leaf: number, digest: Uint8Array): Promise<void> {
    const entry = Buffer.alloc(ENTRY_BYTES)
    entry.writeUInt32BE(leaf)
    entry.set(digest, 4)
    // The place is taken before the write, so that two at once do not meet. One that fails leaves zeros, which are no digest.
    const at = this.#bytes
    this.#bytes += ENTRY_BYTES
    await this.#file.write(entry, 0, ENTRY_BYTES, at)
  }

  /** From now on it has these entries alone. A process that is killed meanwhile has fewer of them. */
  async restart(entries: Iterable<readonly [leaf: number, digest: Uint8Array]>): Promise<void> {
    await this.#file.truncate(0)
    this.#bytes = 0
    for (const [leaf, digest] of entries) await this.note(leaf, digest)
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

/** The journal of a file whose bytes are there already, some of them perhaps damaged. */
export function journalOf(digests: Uint8Array): Uint8Array {
  const journal = Buffer.alloc((digests.length / DIGEST_BYTES) * ENTRY_BYTES)
  for (let n = 0; n * ENTRY_BYTES < journal.length; n++) {
    journal.writeUInt32BE(n, n * ENTRY_BYTES)
    journal.set(digests.subarray(n * DIGEST_BYTES, (n + 1) * DIGEST_BYTES), n * ENTRY_BYTES + 4)
  }
  return journal
}
