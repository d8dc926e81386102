/**
 * Bytes that were written and wait to be sent, counted over several streams: those of
 * one peer, and those of all peers. A peer that asks much and reads nothing makes this
 * node hold what it leaves unread, on each of its streams; each has a mark of its own,
 * and this bounds their sum.
 */

export class UnsentBytes {
  readonly #bytesMax: number
  readonly #whole: UnsentBytes | undefined
  #bytes = 0

  /** @param whole what these bytes are part of: they count there too. */
  constructor(bytesMax: number, whole?: UnsentBytes) {
    this.#bytesMax = bytesMax
    this.#whole = whole
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Whether more should be written only where nothing waits. */
  get full(): boolean {
    return this.#bytes >= this.#bytesMax || this.#whole?.full === true
  }

  /** @param bytes negative for what was sent or given up. */
  add(bytes: number): void {
    this.#bytes += bytes
    this.#whole?.add(bytes)
  }
}
