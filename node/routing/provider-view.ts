/** Whom this node can ask, itself included, and the router that does. */

import { randomUUID } from 'node:crypto'
import type { ProviderTable } from '../manifests/provider-table.ts'
import type { Members } from '../membership/members.ts'
import { memberCalled } from '../membership/names.ts'
import type { NodeContext } from '../mesh/context.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import { Peers } from './peers.ts'
import type { Candidate } from './rank.ts'
import { Router } from './router.ts'

export interface AskingParts {
  readonly libp2p: MeshLibp2p
  readonly members: Members
  readonly table: ProviderTable
}

export interface Asking {
  readonly peers: Peers
  readonly router: Router
  /** Who offers the task or model, whichever is given. */
  offers(wanted: Wanted): Candidate[]
  nameOf(peerId: string): string | undefined
}

interface Wanted {
  readonly task?: string
  readonly model?: string
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
  const wayTo = (id: string) => ({ connected: peers.isConnected(id), rttMs: peers.rttMs(id) })

  // This node answers itself, a member or not.
  const ownName = () => nameOf(peerId) ?? config.name
  const others = () => members.list().filter(member => member.peerId !== peerId)

  // What this node offers to nobody is still its owner's to use.
  const ownOffers = ({ task, model }: Wanted): Candidate[] =>
    registry
      .capabilities()
      .filter(own => (task ?? own.task) === own.task && (model ?? own.model) === own.model)
      .map(capability => ({
        peerId,
        name: ownName(),
        local: true,
        ...wayTo(peerId),
        capability
      }))
  const offers = (wanted: Wanted): Candidate[] => [
    ...ownOffers(wanted),
    ...table
      .providers(wanted, clock.monotonicMs())
      .filter(({ peerId: id }) => id !== peerId && !peers.isLost(id))
      .flatMap(provider => {
        const member = members.get(provider.peerId)
        if (member === undefined || member.role === 'guest') return []
        return { ...provider, name: member.name, local: false, ...wayTo(provider.peerId) }
      })
  ]

  const router = new Router({
    clock,
    log,
    newId: randomUUID,
    offers,
    service: id => (id === peerId ? registry : peers.client(id)),
    peerCalled: called => memberCalled([...others(), { peerId, name: ownName() }], called).peerId,
    emit
  })
  return { peers, router, offers, nameOf }
}
