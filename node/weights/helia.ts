/**
 * Helia over the store of weights, without libp2p, routers and gateways: UnixFS of what is here, and of what its block
 * brokers bring. The libraries are loaded by the first call.
 */

import type { UnixFS } from '@helia/unixfs'
import type { createHeliaLight } from 'helia'
import type { WeightStore } from '../../storage/weights/types.ts'

type Helia = ReturnType<typeof createHeliaLight>
type Init = NonNullable<Parameters<typeof createHeliaLight>[0]>
type Blockstore = NonNullable<Init['blockstore']>
type Cid = Parameters<Blockstore['has']>[0]
type InputPair = Parameters<Blockstore['putMany']>[0] extends Iterable<infer P> | AsyncIterable<unknown>
  ? P
  : never

const RAW = 0x55

export interface WeightsHelia extends AsyncDisposable {
  readonly helia: Helia
  readonly fs: UnixFS
}

/** @param blockBrokers asked for blocks that the store does not have. */
export async function openHelia(
  store: WeightStore,
  blockBrokers: NonNullable<Init['blockBrokers']> = []
): Promise<WeightsHelia> {
  const [{ createHeliaLight }, { unixfs }] = await Promise.all([import('helia'), import('@helia/unixfs')])
  // No node is made for the lock of its garbage collection: what is kept is the store's to say.
  const helia = createHeliaLight({
    blockstore: new StoreBlocks(store),
    blockBrokers,
    routers: [],
    holdGcLock: false
  })
  await helia.start()
  return { helia, fs: unixfs(helia), [Symbol.asyncDispose]: async () => void (await helia.stop()) }
}

/** The blocks of the store. Inner nodes can be put; a leaf is kept by the partial of its file, which knows its place. */
class StoreBlocks implements Blockstore {
  readonly #store: WeightStore

  constructor(store: WeightStore) {
    this.#store = store
  }

  has(cid: Cid): boolean {
    return this.#store.hasBlock(cid.toString())
  }

  async *get(cid: Cid): AsyncGenerator<Uint8Array> {
    const block = await this.#store.block(cid.toString())
    if (block === undefined)
      throw Object.assign(new Error(`The store has no block ${cid}.`), { name: 'NotFoundError' })
    yield block
  }

  async put(cid: Cid, bytes: Parameters<Blockstore['put']>[1]): Promise<Cid> {
    if (cid.code === RAW) return cid
    const parts: Uint8Array[] = []
    if (bytes instanceof Uint8Array) parts.push(bytes)
    else for await (const part of bytes) parts.push(part)
    this.#store.putNode(cid.toString(), Buffer.concat(parts))
    return cid
  }

  async *putMany(pairs: Iterable<InputPair> | AsyncIterable<InputPair>): AsyncGenerator<Cid> {
    for await (const { cid, bytes } of pairs) yield await this.put(cid, bytes)
  }

  async *getMany(cids: Iterable<Cid> | AsyncIterable<Cid>) {
    for await (const cid of cids) yield { cid, bytes: this.get(cid) }
  }

  // biome-ignore lint/correctness/useYield: the store is no list of blocks; files are removed, and not their leaves.
  async *getAll(): ReturnType<Blockstore['getAll']> {
    throw new Error('The blocks of the store are not listed.')
  }

  delete(): never {
    throw new Error('A block of the store goes with its file.')
  }

  // biome-ignore lint/correctness/useYield: as above
  async *deleteMany(): AsyncGenerator<Cid> {
    throw new Error('A block of the store goes with its file.')
  }
}
