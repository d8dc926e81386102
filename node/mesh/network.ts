/** The network of one mesh, and what is bounded on it peer by peer. */

import type { PeerInfo } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Datastore } from 'interface-datastore'
import type { Clock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { libp2pLogger } from '../log/log-libp2p.ts'
import type { ProviderTable } from '../manifests/index.ts'
import type { MeshMembership } from '../membership/index.ts'
import { GossipBudget } from '../network/gossip-budget.ts'
import { createMeshLibp2p, type MeshLibp2p } from '../network/libp2p.ts'
import { manifestAddresses } from '../network/stated-addresses.ts'
import { VERSION } from '../version.ts'
import type { NodeContext } from './context.ts'

export interface NetworkParts {
  /** Id of the mesh. */
  readonly mesh: string
  readonly datastore: Datastore
  readonly table: ProviderTable
  onSighted(peer: PeerInfo): void
}

/** Where a peer says in its manifest that it is. */
export function placesOf(
  peerId: string,
  {
    table,
    clock,
    libp2p
  }: Pick<NetworkParts, 'table'> & { readonly clock: Clock; readonly libp2p: MeshLibp2p }
): Multiaddr[] {
  const signed = table.get(peerId, clock.monotonicMs())
  return signed === undefined ? [] : manifestAddresses(signed.manifest, libp2p.getMultiaddrs())
}

export async function composeNetwork(
  node: NodeContext,
  { guard, flooders }: MeshMembership,
  { mesh, datastore, table, onSighted }: NetworkParts
): Promise<MeshLibp2p> {
  const { config, clock, log, network, privateKey, features } = node
  const libp2p: MeshLibp2p = await createMeshLibp2p({
    privateKey,
    datastore,
    logger: libp2pLogger(log),
    network,
    mesh,
    guard,
    topics: features.flatMap(({ topics = [] }) => topics),
    clock,
    dht: config.swarm.dht,
    agent: `lumos-node/${VERSION}`,
    addressesOf: id => placesOf(id, { table, clock, libp2p }),
    onSighted
  })
  const budget = new GossipBudget({
    clock,
    onExcess(id) {
      // What is under way when a peer is shut out does not make it worse.
      if (flooders.isBanned(id) || !flooders.strike(id)) return
      log.warn({ peerId: id, code: 'PEER_BANNED' }, 'a peer that floods gossip is shut out for a while')
      const banned = new LumosError('PEER_BANNED', `${id} floods gossip.`)
      for (const connection of libp2p.getConnections(peerIdFromString(id))) connection.abort(banned)
    }
  })
  budget.bound(libp2p.services.pubsub)
  return libp2p
}
