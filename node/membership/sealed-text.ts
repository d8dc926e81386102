/**
 * Bytes as text that people copy: letters and digits that survive any chat, e-mail
 * and change of case, with a checksum, so that a slip is a clear error and not
 * a wrong answer.
 */

import { createHash } from 'node:crypto'
import { base32 } from 'multiformats/bases/base32'

/** One slip in four thousand million goes unnoticed. */
const CHECKSUM_BYTES = 4

export const toSealedText = (bytes: Uint8Array): string =>
  base32.baseEncode(Buffer.concat([bytes, checksumOf(bytes)]))

/** @returns nothing when it was not copied right. White space does not count. */
export function fromSealedText(text: string): Uint8Array | undefined {
  try {
    const sealed = base32.baseDecode(text.replace(/\s+/g, '').toLowerCase())
    const bytes = sealed.subarray(0, -CHECKSUM_BYTES)
    const intact = Buffer.compare(checksumOf(bytes), sealed.subarray(-CHECKSUM_BYTES)) === 0
    return intact && sealed.byteLength > CHECKSUM_BYTES ? bytes : undefined
  } catch {
    return undefined
  }
}

const checksumOf = (bytes: Uint8Array): Uint8Array =>
  createHash('sha256').update(bytes).digest().subarray(0, CHECKSUM_BYTES)
