/** Makes the half of a node that asks. */

import { randomUUID } from 'node:crypto'
import type { ProviderTable } from '../manifests/provider-table.ts'
import type { Members } from '../membership/members.ts'
import type { NodeContext } from '../mesh/context.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import { Peers } from './peers.ts'
import { ProviderView } from './provider-view.ts'
import { Router } from './router.ts'

export interface AskingParts {
  readonly libp2p: MeshLibp2p
  readonly members: Members
  readonly table: ProviderTable
}

export interface Asking {
  readonly peers: Peers
  readonly providers: ProviderView
  readonly router: Router
  nameOf(peerId: string): string | undefined
}

export function composeAsking(ground: NodeContext, { libp2p, members, table }: AskingParts): Asking {
  const { config, clock, log, registry, peerId, emit } = ground
  // Of a device that was removed, its name is that of its last certificate. A manifest names nothing: its peer
  // writes there what it likes.
  const nameOf = (id: string) => members.lastKnown(id)?.name
  const peers = new Peers({
    libp2p,
    table,
    clock,
    nameOf,
    onJoined: id => emit('peer.joined', { peerId: id, name: nameOf(id) }),
    onLeft: id => emit('peer.left', { peerId: id, name: nameOf(id) })
  })
  const self = { peerId, name: config.name }
  const providers = new ProviderView({ self, own: registry, table, members, peers, clock })
  const router = new Router({ clock, log, newId: randomUUID, providers, emit })
  return { peers, providers, router, nameOf }
}
