/**
 * Above this an array has memory of its own: cut from Node's pool, of 64 KiB slabs, an
 * answer of 15 KB that waits for a slow reader was measured to keep four times as much.
 */
const POOLED_BYTES_MAX = 2048

/**
 * An array of bytes to be filled at once, whole: what is in it before is whatever was there.
 *
 * Small ones are cut from Node's pool. An array with memory of its own costs half a
 * microsecond from 65 bytes on, which is a twentieth of a small call.
 */
export function allocate(length: number): Uint8Array<ArrayBuffer> {
  const bytes = length > POOLED_BYTES_MAX ? Buffer.allocUnsafeSlow(length) : Buffer.allocUnsafe(length)
  return new Uint8Array(bytes.buffer, bytes.byteOffset, length)
}
