/**
 * The UnixFS nodes of a directory of files whose CIDs are known, by `ipfs-unixfs-importer` with Helia's parameters: a
 * directory becomes a HAMT of fanout 256 when its links take more than 256 KiB.
 */

import { type ImporterOptions, type InProgressImportResult, importer } from 'ipfs-unixfs-importer'
import { CID } from 'multiformats/cid'
import type { Dag, LinkedFile } from './hash-messages.ts'
import { dagBytesOf } from './plain-nodes.ts'

const PARAMETERS: ImporterOptions = {
  cidVersion: 1,
  shardSplitThresholdBytes: 262_144,
  shardSplitStrategy: 'links-bytes',
  shardFanoutBits: 8
}

/** Keeps the inner nodes that the importer makes. */
class Nodes {
  readonly all: { cid: string; bytes: Uint8Array }[] = []

  async put(cid: CID, bytes: Uint8Array): Promise<CID> {
    this.all.push({ cid: cid.toString(), bytes })
    return cid
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
    const size = BigInt(dagBytes ?? dagBytesOf(bytes))
    yield async () => ({ cid: CID.parse(cid), size, path, originalPath: path })
  }
}
