/**
 * UnixFS nodes of files and directories, with Helia's parameters: CIDv1, raw leaves of 1 MiB, a balanced tree of 1,024 links
 * a node. The bytes are those that `ipfs-unixfs-importer` makes, whose libraries take longer to load than most files
 * take to arrive. It makes what is rare: a directory that becomes a HAMT.
 */

import { createHash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import { create } from 'multiformats/hashes/digest'
import { LEAF_BYTES } from '../../interface/limits.ts'
import { leafCid, leafDag } from './cid.ts'
import type { Dag, LinkedFile } from './hash-messages.ts'

const DIGEST_BYTES = 32
const LINKS_PER_NODE = 1024
/** Of the names and CIDs of a directory: above, it is a HAMT. */
const LINKS_BYTES_MAX = 256 * 1024
const DAG_PB = 0x70
const SHA2_256 = 0x12

/** Tags of protobuf: the number of a field, and whether a number or bytes follow. */
const NODE = { data: 0x0a, links: 0x12 } as const
const LINK = { hash: 0x0a, name: 0x12, dagBytes: 0x18 } as const
const DATA = { type: 0x08, fileBytes: 0x18, blockBytes: 0x20 } as const
const TYPE = { directory: 1, file: 2 } as const

/** A node or a leaf. */
interface Linked {
  readonly cid: CID
  /** Of all nodes and leaves below it, and its own. */
  readonly dagBytes: number
}
/** Part of a file. */
interface Part extends Linked {
  /** Of the file below it. */
  readonly bytes: number
}
type Nodes = Dag['nodes'][number][]
/** By name: what lies there. */
type Folder = Map<string, Linked | Folder>

export function fileDag({ bytes, digests }: { bytes: number; digests: Uint8Array }): Dag {
  if (digests.length === DIGEST_BYTES) return leafDag(bytes, digests)
  const nodes: Nodes = []
  let level = leavesOf(bytes, digests)
  while (level.length > 1) {
    const above: Part[] = []
    for (let from = 0; from < level.length; from += LINKS_PER_NODE)
      above.push(nodeOver(level.slice(from, from + LINKS_PER_NODE), nodes))
    level = above
  }
  const [{ cid, dagBytes }] = level as [Part]
  return { cid: cid.toString(), dagBytes, nodes }
}

/** Undefined for a directory that is no plain one: the importer makes it. */
export function plainDirectoryDag(files: readonly LinkedFile[]): Dag | undefined {
  const root: Folder = new Map()
  for (const { path, cid, bytes, dagBytes = dagBytesOf(bytes) } of files) {
    const parts = path.split('/')
    const name = parts.pop()!
    let folder: Folder | Linked = root
    for (const part of parts) {
      const next: Folder | Linked = folder.get(part) ?? new Map()
      if (!(next instanceof Map)) return undefined
      folder.set(part, next)
      folder = next
    }
    if (folder.has(name)) return undefined
    folder.set(name, { cid: CID.parse(cid), dagBytes })
  }
  const nodes: Nodes = []
  const dag = directoryOver(root, nodes)
  return dag && { cid: dag.cid.toString(), dagBytes: dag.dagBytes, nodes }
}

/** Sizes do not depend on the content. */
export function dagBytesOf(bytes: number): number {
  const count = Math.max(1, Math.ceil(bytes / LEAF_BYTES))
  return fileDag({ bytes, digests: new Uint8Array(count * DIGEST_BYTES) }).dagBytes
}

function leavesOf(bytes: number, digests: Uint8Array): Part[] {
  return Array.from({ length: digests.length / DIGEST_BYTES }, (_, n) => {
    const size = Math.min(LEAF_BYTES, bytes - n * LEAF_BYTES)
    const cid = leafCid(digests.subarray(n * DIGEST_BYTES, (n + 1) * DIGEST_BYTES))
    return { cid, bytes: size, dagBytes: size }
  })
}

function nodeOver(parts: readonly Part[], nodes: Nodes): Part {
  const bytes = sum(parts.map(part => part.bytes))
  const data = [DATA.type, TYPE.file, DATA.fileBytes, ...varint(bytes)]
  for (const part of parts) data.push(DATA.blockBytes, ...varint(part.bytes))
  // The name of a link of a file is empty, and is written.
  return {
    ...put(
      nodes,
      data,
      parts.map(part => ['', part] as const)
    ),
    bytes
  }
}

function directoryOver(folder: Folder, nodes: Nodes): Linked | undefined {
  const links: [string, Linked][] = []
  let linksBytes = 0
  for (const [name, entry] of folder) {
    const linked = entry instanceof Map ? directoryOver(entry, nodes) : entry
    if (linked === undefined) return undefined
    links.push([name, linked])
    linksBytes += Buffer.byteLength(name) + linked.cid.bytes.length
  }
  if (linksBytes > LINKS_BYTES_MAX) return undefined
  links.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  return put(nodes, [DATA.type, TYPE.directory], links)
}

/** The node of these links is encoded and kept. */
function put(nodes: Nodes, data: readonly number[], links: Iterable<readonly [string, Linked]>): Linked {
  const parts: Uint8Array[] = []
  let below = 0
  for (const [name, { cid, dagBytes }] of links) {
    const link = [
      ...field(LINK.hash, cid.bytes),
      ...field(LINK.name, Buffer.from(name)),
      ...[LINK.dagBytes, ...varint(dagBytes)]
    ]
    parts.push(Uint8Array.from(field(NODE.links, link)))
    below += dagBytes
  }
  const bytes = new Uint8Array(Buffer.concat([...parts, Uint8Array.from(field(NODE.data, data))]))
  const cid = CID.createV1(DAG_PB, create(SHA2_256, createHash('sha256').update(bytes).digest()))
  nodes.push({ cid: cid.toString(), bytes })
  return { cid, dagBytes: bytes.length + below }
}

const field = (tag: number, content: ArrayLike<number>): number[] => [
  tag,
  ...varint(content.length),
  ...Array.from(content)
]

function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return [...bytes, rest]
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)
