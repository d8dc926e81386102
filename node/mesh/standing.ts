/** What each peer is to this node: who is a member, who is shut out, and the guard that asks both. */

import { HELLO_PROTOCOL } from '../../protocols/hello/index.ts'
import { JOIN_PROTOCOL } from '../../protocols/join/index.ts'
import type { StoredMesh } from '../../storage/mesh/mesh-store.ts'
import { Authority } from '../membership/authority.ts'
import { Bans, FLOODING, FORGERY, LOITERING } from '../membership/bans.ts'
import { Guard } from '../membership/guard.ts'
import { MemberCheck } from '../membership/member-check.ts'
import { Members } from '../membership/members.ts'
import type { NodeContext } from './context.ts'

export interface StandingHooks {
  /** The peer belongs no more: its connections end. */
  hangUp(peerId: string): void
  /** A device may be about to join. */
  isPairing(): boolean
}

export interface Standing {
  readonly members: Members
  readonly authority: Authority
  readonly reception: MemberCheck
  readonly guard: Guard
  readonly forgers: Bans
  /** Devices that are no members and connect on and on. */
  readonly loiterers: Bans
  readonly flooders: Bans
}

export function composeStanding(ground: NodeContext, own: StoredMesh, hooks: StandingHooks): Standing {
  const { clock, log, peerId, privateKey, store, root, emit } = ground
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
      // Whoever has become a member is not kept out for having knocked too often before.
      const loiters = standing.kind !== 'member' && loiterers.isBanned(id)
      return loiters || forgers.isBanned(id) || flooders.isBanned(id) ? { kind: 'banned' } : standing
    },
    openToStrangers: () => (hooks.isPairing() ? [...HELLO_PROTOCOL, ...JOIN_PROTOCOL] : HELLO_PROTOCOL),
    onTold: id => void loiterers.strike(id)
  })
  const authority = new Authority({
    clock,
    mesh: own.id,
    deviceKey: privateKey,
    get rootKey() {
      return root.of(own.id)
    },
    chain: () => members.chain,
    role: () => members.get(peerId)?.role,
    mayRemoveMore: () => members.mayRemoveMore(peerId),
    lastKnown: id => members.lastKnown(id)
  })
  const reception = new MemberCheck({ clock, members, authority, peerId })
  return { members, authority, reception, guard, forgers, loiterers, flooders }
}
