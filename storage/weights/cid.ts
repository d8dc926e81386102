/** CIDs as text, and the SHA-256 inside of those of leaves. */

import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { create } from 'multiformats/hashes/digest'
import type { Dag } from './hash-messages.ts'

const SHA2_256 = 0x12

/** Of a leaf, and of a file of one leaf. */
export const leafCid = (digest: Uint8Array): CID => CID.createV1(raw.code, create(SHA2_256, digest))

export const leafCidText = (digest: Uint8Array): string => leafCid(digest).toString()

/** Of a file of one leaf, which is that leaf. */
export const leafDag = (bytes: number, digest: Uint8Array): Dag => ({
  cid: leafCidText(digest),
  dagBytes: bytes,
  nodes: []
})

/** The SHA-256 of the leaf that `cid` names; undefined for a CID of anything else, and for what is none. */
export function leafDigest(text: string): Uint8Array | undefined {
  try {
    const { code, version, multihash } = CID.parse(text)
    return version === 1 && code === raw.code && multihash.code === SHA2_256 ? multihash.digest : undefined
  } catch {
    return undefined
  }
}
