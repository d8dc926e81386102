/** What each peer is to this node: members, bans, and the guard that asks both. */

import type { PrivateKey } from '@libp2p/interface'
import type { MeshStore, StoredMesh } from '../../storage/mesh/mesh-store.ts'
import type { NodeParts } from '../feature.ts'
import { Authority } from './authority.ts'
import { Bans, FLOODING, FORGERY, LOITERING } from './bans.ts'
import { Guard } from './guard.ts'
import { MemberCheck } from './member-check.ts'
import { Members } from './members.ts'
import type { RootKey } from './root-key.ts'

export interface MeshMembershipComponents extends NodeParts {
  readonly privateKey: PrivateKey
  readonly store: MeshStore
  readonly root: RootKey
}

export interface MeshMembershipHooks {
  /** The peer belongs no more: its connections end. */
  hangUp(peerId: string): void
}

export interface MeshMembership {
  readonly members: Members
  readonly authority: Authority
  readonly check: MemberCheck
  readonly guard: Guard
  readonly forgers: Bans
  /** Devices that are no members and connect again and again. */
  readonly loiterers: Bans
  readonly flooders: Bans
}

export function composeMembership(
  { clock, log, peerId, privateKey, store, root, emit }: MeshMembershipComponents,
  own: StoredMesh,
  hooks: MeshMembershipHooks
): MeshMembership {
  const members = new Members(own, {
    store,
    clock,
    peerId,
    onRevoked: id => hooks.hangUp(id),
    onJoined: ({ peerId: id, name, role }) => emit('mesh.member_joined', { peerId: id, name, role }),
    onRenamed: name => emit('mesh.renamed', { mesh: name }),
    onRemoved: (id, name) => emit('mesh.member_revoked', { peerId: id, name }),
    onRoomFull(id, name, room) {
      log.error(
        { peerId: id, name, room },
        'an admin has filled its room: revoke it on a device with the root key'
      )
      emit('mesh.admin_room_full', { peerId: id, name, room })
    }
  })
  const forgers = new Bans(FORGERY, clock)
  const loiterers = new Bans(LOITERING, clock)
  const flooders = new Bans(FLOODING, clock)
  const guard = new Guard({
    clock,
    log,
    standing(id) {
      const standing = members.standing(id)
      // A peer that has become a member is not kept out for the times that it connected before.
      const loiters = standing.kind !== 'member' && loiterers.isBanned(id)
      return loiters || forgers.isBanned(id) || flooders.isBanned(id) ? { kind: 'banned' } : standing
    },
    onTold: id => void loiterers.strike(id)
  })
  const authority = new Authority({
    clock,
    mesh: own.id,
    deviceKey: privateKey,
    get rootKey() {
      return root.of(own.id)
    },
    chain: () => members.own.chain,
    role: () => members.get(peerId)?.role,
    mayRemoveMore: () => members.mayRemoveMore(peerId),
    lastKnown: id => members.lastKnown(id)
  })
  const check = new MemberCheck({ clock, members, authority, peerId })
  return { members, authority, check, guard, forgers, loiterers, flooders }
}
