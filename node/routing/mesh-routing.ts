/** Makes the half of a node that asks, and tells it of members that can be asked. */

import { randomUUID } from 'node:crypto'
import type { Hardware } from '../../interface/manifest.ts'
import type { RoutingPolicy } from '../../interface/routing.ts'
import type { NodeParts, Participation, Waker } from '../feature.ts'
import type { ProviderTable } from '../manifests/index.ts'
import type { Members, ModelAccess } from '../membership/index.ts'
import type { SeekOptions } from '../network/dht-lookup.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import { ownKeys, wantedKeys } from './capability-keys.ts'
import { Peers } from './peers.ts'
import { type OwnService, ProviderView } from './provider-view.ts'
import { Router } from './router.ts'

export interface MeshRoutingComponents extends NodeParts {
  readonly config: { readonly name: string; readonly routing: { readonly policy: RoutingPolicy } }
  readonly hardware: Hardware
  readonly registry: OwnService
  readonly access: Pick<ModelAccess, 'to'>
}

export interface MeshRoutingParts {
  /** Id of the mesh. */
  readonly mesh: string
  readonly libp2p: MeshLibp2p
  readonly members: Members
  readonly table: ProviderTable
  isDuplicated(peerId: string): boolean
  /** What this device says of its power. */
  power(): { readonly onBattery?: true }
  waker(): Waker | undefined
  /** See `MeshContext.seek`. */
  seek(keys: readonly string[], options: SeekOptions): Promise<string[]>
}

export interface MeshRouting {
  readonly peers: Peers
  readonly providers: ProviderView
  readonly router: Router
  readonly participation: Participation
  nameOf(peerId: string): string | undefined
}

export function composeRouting(
  { config, clock, random, log, hardware, registry, access, peerId, emit }: MeshRoutingComponents,
  { mesh, libp2p, members, table, isDuplicated, power, waker, seek }: MeshRoutingParts
): MeshRouting {
  // Of a device that was removed, its name is that of its last certificate. A manifest names nothing: its peer
  // writes there what it likes.
  const nameOf = (id: string) => members.lastKnown(id)?.name
  const peers = new Peers({
    libp2p,
    table,
    clock,
    nameOf,
    isDuplicated,
    onJoined: id => emit('peer.joined', { peerId: id, name: nameOf(id) }),
    onLeft: id => emit('peer.left', { peerId: id, name: nameOf(id) })
  })
  const self = { peerId, name: config.name }
  const device = () => ({ hardware, ...power() })
  const providers = new ProviderView({ self, device, own: registry, table, members, peers, clock, waker })
  const router = new Router({
    ...{ clock, random, log, newId: randomUUID, providers, emit, policy: config.routing.policy },
    async seek(wanted, signal) {
      const isEnough = () => providers.offers(wanted).some(({ wakeMs }) => wakeMs === undefined)
      return (await seek(wantedKeys(mesh, wanted), { isEnough, ...(signal && { signal }) })).length > 0
    }
  })
  const participation: Participation = {
    /** A member that has said hello can be asked. */
    onMember({ connection, rttMs }) {
      peers.introduce(connection.remotePeer.toString(), rttMs)
      // Tells libp2p what the peer speaks; only now would the peer let us ask.
      libp2p.services.identify.identify(connection).catch(err => log.debug({ err }, 'could not identify'))
    },
    // What is not for every member is found in manifests alone.
    keys: () =>
      ownKeys(
        mesh,
        registry.capabilities({ offered: true }).filter(({ model }) => access.to(model) === 'everyone')
      ),
    stop: () => peers.close()
  }
  return { peers, providers, router, participation, nameOf }
}
