/**
 * Buffers that come back once a connection has sent what was written of them. Bulk that is read into a fresh buffer each
 * time costs as much garbage collection as its encryption.
 *
 * A connection that does not say what it sent, or is lost, gives nothing back: such a buffer is collected as any other.
 */

interface Lent {
  left: number
  back(): void
}

const lent = new WeakMap<ArrayBufferLike, Lent>()

/**
 * @param bytes are written once, all of them, and do not change until `back` is called, if ever. Nothing else of their
 *   array buffer is written.
 */
export function lend(bytes: Uint8Array, back: () => void): void {
  lent.set(bytes.buffer, { left: bytes.byteLength, back })
}

/** What a connection calls once it has sent or copied these bytes; undefined where they were not lent. */
export function whenSent(bytes: Uint8Array): ((err?: Error | null) => void) | undefined {
  const entry = lent.get(bytes.buffer)
  if (entry === undefined) return undefined
  const { buffer, byteLength } = bytes
  return err => {
    if (err) return
    entry.left -= byteLength
    if (entry.left > 0) return
    lent.delete(buffer)
    entry.back()
  }
}
