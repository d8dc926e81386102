/** How devices come into a mesh: this node lets others in, and may itself ask a mesh that is near. */

import type { Connection, PeerInfo } from '@libp2p/interface'
import type { MeshStore } from '../../storage/mesh/mesh-store.ts'
import type { NodeParts } from '../feature.ts'
import type { MeshMembership } from '../membership/index.ts'
import { bareOf } from '../network/dial-to.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import { JoinClient } from './join-client.ts'
import { JoinService } from './join-service.ts'
import type { NearbyMeshes } from './nearby-meshes.ts'

export interface MeshPairingComponents extends NodeParts {
  readonly store: MeshStore
}

export interface MeshPairingParts {
  readonly libp2p: MeshLibp2p
  readonly membership: MeshMembership
  readonly nearby: NearbyMeshes
  /** Do not end this connection for want of a hello, for so long. */
  hold(connection: Connection, timeoutMs: number): void
}

export interface MeshPairing {
  readonly service: JoinService
  readonly client: JoinClient
  readonly nearby: NearbyMeshes
  /** The peer is of another mesh, which this node may ask to let it in. */
  onForeigner(connection: Connection, meshId: string, meshName: string): void
}

export function composePairing(
  { clock, log, store, peerId, emit }: MeshPairingComponents,
  { libp2p, membership: { members, authority }, nearby, hold }: MeshPairingParts
): MeshPairing {
  const service = new JoinService({ libp2p, clock, log, store, members, authority, peerId, emit, hold })
  return {
    service,
    client: new JoinClient({ libp2p, clock, peerId }),
    nearby,
    onForeigner({ remotePeer, remoteAddr, direction }, meshId, mesh) {
      const id = remotePeer.toString()
      if (direction === 'outbound') nearby.saw({ peerId: id, addresses: [`${bareOf(remoteAddr)}`] })
      nearby.parted(id, meshId, mesh)
      emit('mesh.seen', { peerId: id, meshId, mesh })
    }
  }
}

/** A device that was seen on the network, as it is dialed to join its mesh. */
export const sightingOf = ({ id, multiaddrs }: PeerInfo) => ({
  peerId: id.toString(),
  addresses: multiaddrs.map(address => `${bareOf(address)}`)
})
