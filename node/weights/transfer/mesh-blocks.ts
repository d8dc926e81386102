/** Single blocks of the mesh, for Helia: a block broker that asks devices of the mesh and no others. */

import type { CID } from 'multiformats/cid'
import { LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { BlocksClient } from '../../../protocols/blocks/index.ts'
import type { MeshHolders } from './mesh-holders.ts'

export class MeshBlocks {
  readonly name = 'lumos'
  readonly #holders: Pick<MeshHolders, 'all' | 'open' | 'onLiar'>
  /** It sent the block before this one, and is likely to have the next. */
  #last: string | undefined

  constructor(holders: Pick<MeshHolders, 'all' | 'open' | 'onLiar'>) {
    this.#holders = holders
  }

  /** As a `BlockBroker` of Helia. @throws {LumosError} `WEIGHTS_NOT_FOUND` */
  readonly retrieve = async (cid: CID, { signal }: AbortOptions = {}): Promise<Uint8Array> => {
    const peers = this.#holders.all()
    const first = peers.indexOf(this.#last ?? '')
    if (first > 0) peers.unshift(...peers.splice(first, 1))
    for (const peerId of peers) {
      signal?.throwIfAborted()
      const bytes = await this.#from(peerId, cid, { ...(signal && { signal }) })
      if (bytes === undefined) continue
      this.#last = peerId
      return bytes
    }
    throw new LumosError('WEIGHTS_NOT_FOUND', `No device that can be reached has the block ${cid}.`)
  }

  /** Nothing from a peer that fails or lies. */
  async #from(peerId: string, cid: CID, options: AbortOptions): Promise<Uint8Array | undefined> {
    let client: BlocksClient | undefined
    try {
      client = await this.#holders.open(peerId, options)
      const bytes = await client.block(cid.toString(), options)
      if (bytes === undefined) return undefined
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
      if (Buffer.from(digest).equals(cid.multihash.digest)) return bytes
      this.#holders.onLiar(peerId, new LumosError('WEIGHTS_INVALID', `The peer sent other bytes for ${cid}.`))
      return undefined
    } catch {
      return undefined
    } finally {
      client?.close().catch(() => {})
    }
  }
}
