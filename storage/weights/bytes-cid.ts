/** The CID of bytes that are in memory: the one that a model has which holds them. */

import { LEAF_BYTES } from '../../interface/limits.ts'
import { fileDag } from './plain-nodes.ts'

/** Hashed by threads of the system, a leaf at a time. */
export async function bytesCid(bytes: Uint8Array): Promise<string> {
  const digests: Uint8Array[] = []
  for (let at = 0; at === 0 || at < bytes.length; at += LEAF_BYTES) {
    const leaf = new Uint8Array(bytes.subarray(at, at + LEAF_BYTES))
    digests.push(new Uint8Array(await crypto.subtle.digest('SHA-256', leaf)))
  }
  return fileDag({ bytes: bytes.length, digests: Buffer.concat(digests) }).cid
}
