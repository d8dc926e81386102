/** What `@helia/unixfs` makes of the same content, with its blocks kept in memory. */

import { type UnixFS, unixfs } from '@helia/unixfs'
import type { CID } from 'multiformats/cid'

export interface Plain {
  readonly cid: string
  /** Of the whole DAG. */
  readonly size: number
  readonly blocks: ReadonlyMap<string, Uint8Array>
}

type Content = Uint8Array | readonly Uint8Array[]

const streamOf = (content: Content): Iterable<Uint8Array> =>
  content instanceof Uint8Array ? [content] : content

function memory(): { blocks: Map<string, Uint8Array>; fs: UnixFS } {
  const blocks = new Map<string, Uint8Array>()
  const blockstore = {
    async put(cid: CID, bytes: Uint8Array) {
      // Leaves repeat, and are not compared.
      if (cid.code !== 0x55) blocks.set(cid.toString(), bytes)
      return cid
    }
  }
  return { blocks, fs: unixfs({ blockstore } as unknown as Parameters<typeof unixfs>[0]) }
}

export async function addFile(content: Content): Promise<Plain> {
  const { blocks, fs } = memory()
  for await (const { cid, size } of fs.addAll([{ content: streamOf(content) }]))
    return { cid: cid.toString(), size: Number(size), blocks }
  throw new Error('Nothing was added.')
}

export async function addAll(files: { path: string; content: Content }[]): Promise<Plain> {
  const { blocks, fs } = memory()
  let last: Plain | undefined
  const source = files.map(({ path, content }) => ({ path, content: streamOf(content) }))
  for await (const { cid, size } of fs.addAll(source, { wrapWithDirectory: true }))
    last = { cid: cid.toString(), size: Number(size), blocks }
  return last!
}
