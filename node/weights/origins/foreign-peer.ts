/**
 * One peer outside the mesh, asked by Helia over Bitswap. The host is apart from the mesh: its key is new, it listens
 * nowhere, and it holds nothing but what that peer has sent lately, so a peer that asks back gets nothing of this device.
 */

import { withBitswap } from '@helia/bitswap'
import type { UnixFS } from '@helia/unixfs'
import { identify } from '@libp2p/identify'
import type { Libp2p } from '@libp2p/interface'
import { multiaddr } from '@multiformats/multiaddr'
import { createHeliaLight } from 'helia'
import { createLibp2p } from 'libp2p'
import { CID } from 'multiformats/cid'
import { socketTls } from '../../../protocols/transport/tls/index.ts'
import { sparingYamux } from '../../../protocols/transport/yamux.ts'
import { zonedTcp } from '../../../protocols/transport/zoned-tcp.ts'
import { noiseOnDemand } from '../../network/noise.ts'
import { CountedBlocks } from './counted-blocks.ts'
import { fileBytes } from './unixfs-file.ts'

type Helia = ReturnType<typeof createHeliaLight>
type Blockstore = NonNullable<NonNullable<Parameters<typeof createHeliaLight>[0]>['blockstore']>
type Entries = ReturnType<UnixFS['ls']>

/** Streams that the peer may open to answer: one at a time, and one that is closing. */
const STREAMS_INBOUND_MAX = 8
/** Four blocks of the largest size that peers of this network make. */
const MESSAGE_BYTES_MAX = 8 * 1024 * 1024

export class ForeignPeer {
  readonly #helia: Helia
  readonly #libp2p: Libp2p

  private constructor(helia: Helia, libp2p: Libp2p) {
    this.#helia = helia
    this.#libp2p = libp2p
  }

  static async dial(address: string, signal: AbortSignal): Promise<ForeignPeer> {
    const libp2p = await createLibp2p({
      nodeInfo: { userAgent: 'lumos-node' },
      addresses: { listen: [], announceFilter: () => [] },
      transports: [zonedTcp()],
      connectionEncrypters: [socketTls(), noiseOnDemand()],
      streamMuxers: [sparingYamux()],
      connectionManager: { maxConnections: 1, reconnectRetries: 0 },
      connectionMonitor: { enabled: false },
      services: { identify: identify({ maxInboundStreams: 1, maxOutboundStreams: 1 }) }
    })
    const helia = createHeliaLight({ blockstore: new RecentBlocks(), routers: [], holdGcLock: false })
    withBitswap(Object.assign(helia, { libp2p: libp2p as never }), {
      maxInboundStreams: STREAMS_INBOUND_MAX,
      maxIncomingMessageSize: MESSAGE_BYTES_MAX
    } as never)
    const peer = new ForeignPeer(helia, libp2p)
    try {
      await helia.start()
      await libp2p.dial(multiaddr(address), { signal })
      return peer
    } catch (err) {
      await peer.close()
      throw err
    }
  }

  /** All that one listing or one run of bytes reads. */
  begin(signal: AbortSignal): Reading {
    return new Reading(new CountedBlocks(this.#helia.blockstore, signal))
  }

  async close(): Promise<void> {
    await this.#helia.stop()
    await this.#libp2p.stop()
  }
}

export class Reading {
  readonly #blocks: CountedBlocks

  constructor(blocks: CountedBlocks) {
    this.#blocks = blocks
  }

  /** One block is asked for. Throws for what is no file and no folder, such as a link. */
  async facts(cid: string): Promise<{ isFolder: boolean; bytes: number }> {
    const { type, size } = await this.#blocks.fs.stat(CID.parse(cid))
    return { isFolder: type === 'directory', bytes: Number(size) }
  }

  async *list(cid: string): Entries {
    for await (const entry of this.#blocks.fs.ls(CID.parse(cid))) {
      this.#blocks.came()
      yield entry
    }
  }

  async *read(
    cid: string,
    range: { readonly offset: number; readonly length: number }
  ): AsyncGenerator<Uint8Array> {
    for await (const part of fileBytes(cid, range, block => this.#blocks.read(block))) {
      this.#blocks.came()
      yield part
    }
  }
}

/** Two hundred of the blocks that others make. */
const RECENT_BYTES_MAX = 64 * 1024 * 1024

/**
 * What has come lately: a directory, a file's node and a leaf that repeats are read more than once, and Helia's Bitswap
 * never sends a want again that has been met. What is read goes into the store of weights.
 */
class RecentBlocks implements Blockstore {
  /** The oldest first. */
  readonly #blocks = new Map<string, Uint8Array>()
  #bytes = 0

  has(cid: CID): boolean {
    return this.#blocks.has(cid.toString())
  }

  async *get(cid: CID): AsyncGenerator<Uint8Array> {
    const block = this.#blocks.get(cid.toString())
    if (block === undefined)
      throw Object.assign(new Error(`No block ${cid} is kept.`), { name: 'NotFoundError' })
    yield block
  }

  async put(cid: CID, bytes: Parameters<Blockstore['put']>[1]): Promise<CID> {
    const block = bytes instanceof Uint8Array ? bytes : Buffer.concat(await Array.fromAsync(bytes))
    const key = cid.toString()
    if (this.#blocks.has(key)) return cid
    this.#blocks.set(key, block)
    this.#bytes += block.byteLength
    for (const [oldest, { byteLength }] of this.#blocks) {
      if (this.#bytes <= RECENT_BYTES_MAX) break
      this.#blocks.delete(oldest)
      this.#bytes -= byteLength
    }
    return cid
  }

  async *putMany(pairs: Parameters<Blockstore['putMany']>[0]): AsyncGenerator<CID> {
    for await (const { cid, bytes } of pairs) yield await this.put(cid, bytes)
  }

  async *getMany(cids: AsyncIterable<CID> | Iterable<CID>) {
    for await (const cid of cids) yield { cid, bytes: this.get(cid) }
  }

  // biome-ignore lint/correctness/useYield: nothing asks for a list of what came lately.
  async *getAll(): ReturnType<Blockstore['getAll']> {
    throw new Error('Blocks that came lately are not listed.')
  }

  delete(): never {
    throw new Error('Blocks that came lately go by themselves.')
  }

  // biome-ignore lint/correctness/useYield: as above
  async *deleteMany(): AsyncGenerator<CID> {
    throw new Error('Blocks that came lately go by themselves.')
  }
}
