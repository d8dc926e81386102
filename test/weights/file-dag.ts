/** The inner nodes of a file from the hashes of its leaves, without the libraries of UnixFS: what tests compare with. */

import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { LEAF_BYTES } from '../../interface/weights.ts'

const DIGEST_BYTES = 32
const CODES = { raw: 0x55, 'dag-pb': 0x70 } as const
type Codec = keyof typeof CODES
const cidOfDigest = (codec: Codec, digest: Uint8Array): string =>
  CID.createV1(CODES[codec], create(0x12, digest)).toString()

const LINKS_PER_NODE = 1024

interface FileDag {
  readonly cid: string
  /** Inner nodes by CID; none for a file of one leaf, which is that leaf. */
  readonly nodes: readonly { cid: string; bytes: Uint8Array }[]
  readonly dagBytes: number
}

interface Linked {
  readonly codec: Codec
  readonly digest: Uint8Array
  /** Bytes of the file below. */
  readonly bytes: number
  /** Bytes of all blocks below. */
  readonly blockBytes: number
}

/** An empty file has one leaf, of no bytes. */
export const leavesIn = (bytes: number): number => Math.max(1, Math.ceil(bytes / LEAF_BYTES))

export const leafBytes = (fileBytes: number, leaf: number): number =>
  Math.min(LEAF_BYTES, fileBytes - leaf * LEAF_BYTES)

/** @param digests the SHA-256 of each leaf, one after the other. */
export function fileDag(digests: Uint8Array, bytes: number): FileDag {
  const nodes: { cid: string; bytes: Uint8Array }[] = []
  let level: Linked[] = Array.from({ length: leavesIn(bytes) }, (_, leaf) => {
    const size = leafBytes(bytes, leaf)
    const digest = digests.subarray(leaf * DIGEST_BYTES, (leaf + 1) * DIGEST_BYTES)
    return { codec: 'raw', digest, bytes: size, blockBytes: size }
  })
  while (level.length > 1) {
    const above: Linked[] = []
    for (let at = 0; at < level.length; at += LINKS_PER_NODE) {
      above.push(parentOf(level.slice(at, at + LINKS_PER_NODE), nodes))
    }
    level = above
  }
  const { codec, digest, blockBytes } = level[0]!
  return { cid: cidOfDigest(codec, digest), nodes, dagBytes: blockBytes }
}

function parentOf(children: readonly Linked[], nodes: { cid: string; bytes: Uint8Array }[]): Linked {
  const bytes = children.reduce((sum, child) => sum + child.bytes, 0)
  const sizes = children.flatMap(child => [0x20, ...varint(child.bytes)])
  const data = [0x08, 2, 0x18, ...varint(bytes), ...sizes]
  const links = children.map(({ codec, digest, blockBytes }) => {
    const cid = [1, codec === 'raw' ? 0x55 : 0x70, 0x12, 0x20, ...digest]
    const link = [0x0a, cid.length, ...cid, 0x12, 0, 0x18, ...varint(blockBytes)]
    return [0x12, ...varint(link.length), ...link]
  })
  const node = Uint8Array.from([...links.flat(), 0x0a, ...varint(data.length), ...data])
  const digest = createHash('sha256').update(node).digest()
  nodes.push({ cid: cidOfDigest('dag-pb', digest), bytes: node })
  const blockBytes = node.byteLength + children.reduce((sum, child) => sum + child.blockBytes, 0)
  return { codec: 'dag-pb', digest, bytes, blockBytes }
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value & 0x7f) | 0x80)
  bytes.push(value)
  return bytes
}
