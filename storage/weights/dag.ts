/**
 * UnixFS nodes above leaves whose digests are known, by `ipfs-unixfs-importer` with Helia's parameters: CIDv1, raw
 * leaves of 1 MiB, 1,024 links a node, and a directory becomes a HAMT of fanout 256 when its links take more than 256 KiB.
 */

import { type ImporterOptions, type InProgressImportResult, importer, importFile } from 'ipfs-unixfs-importer'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { CID } from 'multiformats/cid'
import { LEAF_BYTES } from '../../interface/limits.ts'
import { leafCid } from './cid.ts'
import type { Dag, LinkedFile } from './hash-messages.ts'

const DIGEST_BYTES = 32
const PARAMETERS: ImporterOptions = {
  cidVersion: 1,
  rawLeaves: true,
  layout: balanced({ maxChildrenPerNode: 1024 }),
  shardSplitThresholdBytes: 262_144,
  shardSplitStrategy: 'links-bytes',
  shardFanoutBits: 8
}

type Leaf = () => Promise<{ cid: CID; size: bigint; block: Uint8Array }>
const NO_BYTES = new Uint8Array()

/** Keeps the inner nodes that the importer makes. */
class Nodes {
  readonly all: { cid: string; bytes: Uint8Array }[] = []

  async put(cid: CID, bytes: Uint8Array): Promise<CID> {
    this.all.push({ cid: cid.toString(), bytes })
    return cid
  }
}

export async function fileDag({ bytes, digests }: { bytes: number; digests: Uint8Array }): Promise<Dag> {
  const nodes = new Nodes()
  const { cid, size } = await importFile({ content: [] }, nodes, {
    ...PARAMETERS,
    bufferImporter: () => leaves(bytes, digests)
  })
  return { cid: cid.toString(), dagBytes: Number(size), nodes: nodes.all }
}

async function* leaves(bytes: number, digests: Uint8Array): AsyncGenerator<Leaf> {
  for (let n = 0; n * DIGEST_BYTES < digests.length; n++) {
    const cid = leafCid(digests.subarray(n * DIGEST_BYTES, (n + 1) * DIGEST_BYTES))
    const size = BigInt(Math.min(LEAF_BYTES, bytes - n * LEAF_BYTES))
    yield async () => ({ cid, size, block: NO_BYTES })
  }
}

export async function directoryDag({ files }: { files: readonly LinkedFile[] }): Promise<Dag> {
  const nodes = new Nodes()
  const options = { ...PARAMETERS, wrapWithDirectory: true, dagBuilder: () => linked(files) }
  let root: { cid: CID; size: bigint } | undefined
  for await (const entry of importer([], nodes, options)) root = entry
  return { cid: root!.cid.toString(), dagBytes: Number(root!.size), nodes: nodes.all }
}

async function* linked(files: readonly LinkedFile[]): AsyncGenerator<() => Promise<InProgressImportResult>> {
  for (const { path, cid, bytes, dagBytes } of files) {
    const size = BigInt(dagBytes ?? (await dagBytesOf(bytes)))
    yield async () => ({ cid: CID.parse(cid), size, path, originalPath: path })
  }
}

/** Sizes do not depend on the content. */
async function dagBytesOf(bytes: number): Promise<number> {
  const count = Math.max(1, Math.ceil(bytes / LEAF_BYTES))
  return (await fileDag({ bytes, digests: new Uint8Array(count * DIGEST_BYTES) })).dagBytes
}
