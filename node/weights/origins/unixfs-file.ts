/**
 * The bytes of a file of UnixFS. The reader of Helia leaves errors below the first level to the process, goes on when its
 * caller has ended, and reads children of no bytes.
 */

import { CID } from 'multiformats/cid'
import { fieldsOf } from '../../../protocols/bitswap/protobuf.ts'
import { weightsInvalid } from './origin.ts'

/** Asked for at once: 4 MiB of the blocks that others make. */
const AHEAD_MAX = 16
/** Nodes above one another: a file of 16 TiB has five. What waits is held in memory for each. */
const DEPTH_MAX = 32
const RAW = 0x55
const DAG_PB = 0x70

type Read = (cid: CID) => Promise<Uint8Array>
interface Part {
  readonly cid: CID
  /** Of its first byte in the file. */
  readonly at: number
  readonly depth: number
  /** As the node above says; the root has none. */
  readonly bytes?: number
  block?: Promise<Uint8Array>
}
interface Node {
  readonly data: Uint8Array
  readonly links: readonly CID[]
  readonly sizes: readonly number[]
}

/** @throws {LumosError} `WEIGHTS_INVALID` for what is no file, or where a part is longer or shorter than is said. */
export async function* fileBytes(
  root: string,
  { offset, length }: { readonly offset: number; readonly length: number },
  read: Read
): AsyncGenerator<Uint8Array> {
  const end = offset + length
  /** The next one last. */
  const waiting: Part[] = [{ cid: CID.parse(root), at: 0, depth: 0 }]
  let ahead = 0
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    const { cid, at, depth, bytes } = part
    if (depth > DEPTH_MAX) throw weightsInvalid(`${root} has nodes deeper than ${DEPTH_MAX}`)
    if (part.block !== undefined) ahead--
    const { data, links, sizes } = nodeOf(cid, await (part.block ?? read(cid)))
    const whole = sizes.reduce((sum, size) => sum + size, data.byteLength)
    if (links.length !== sizes.length || (bytes !== undefined && bytes !== whole))
      throw weightsInvalid(`The node ${cid} has not the size that is said of it`)
    const wanted = data.subarray(Math.max(0, offset - at), Math.max(0, end - at))
    if (wanted.byteLength > 0) yield wanted
    const below: Part[] = []
    let next = at + data.byteLength
    for (const [i, size] of sizes.entries()) {
      if (size > 0 && next < end && next + size > offset)
        below.push({ cid: links[i]!, at: next, depth: depth + 1, bytes: size })
      next += size
    }
    for (const child of below.reverse()) waiting.push(child)
    for (const soon of waiting.slice(-AHEAD_MAX).reverse()) {
      if (soon.block !== undefined || ahead === AHEAD_MAX) continue
      ahead++
      soon.block = read(soon.cid)
      // It is thrown where the part has its turn.
      soon.block.catch(() => {})
    }
  }
}

function nodeOf(cid: CID, block: Uint8Array): Node {
  if (cid.code === RAW) return { data: block, links: [], sizes: [] }
  if (cid.code !== DAG_PB) throw weightsInvalid(`The node ${cid} is of no kind that a file has`)
  try {
    const fields = [...fieldsOf(block)]
    const links = fields.flatMap(([number, link]) => (number === 2 ? [linkOf(link as Uint8Array)] : []))
    const unixfs = [...fieldsOf(fields.find(([number]) => number === 1)![1] as Uint8Array)]
    const data = unixfs.find(([number]) => number === 2)?.[1] ?? new Uint8Array()
    const sizes = unixfs.flatMap(([number, size]) => (number === 4 ? [size] : []))
    if (!(data instanceof Uint8Array) || !sizes.every(size => Number.isSafeInteger(size)))
      throw new TypeError()
    return { data, links, sizes: sizes as number[] }
  } catch (cause) {
    throw weightsInvalid(`The node ${cid} is no node of a file`, { cause })
  }
}

const linkOf = (link: Uint8Array): CID =>
  CID.decode([...fieldsOf(link)].find(([number]) => number === 1)![1] as Uint8Array)
