/** Calls of peers, each with the permissions that the role of its peer has just now. */

import { LumosError } from '../../interface/errors.ts'
import type { Role } from '../../interface/membership.ts'
import type { UnitCall, UnitServer } from '../../interface/remote.ts'
import type { Permission, UnitContext } from '../../interface/units.ts'
import type { ServedUnits } from '../../protocols/unit/index.ts'
import type { MeshContext } from '../feature.ts'
import { PeerWork } from './peer-work.ts'

/** What a device of each role may do here. Secrets stay with the user of this device: no role has `keys`. */
const PERMISSIONS_OF: Readonly<Record<Role, readonly Permission[]>> = {
  guest: ['use'],
  edge: ['read', 'use'],
  member: ['read', 'use'],
  admin: ['read', 'use', 'manage']
}

type Mesh = Pick<MeshContext, 'members' | 'log' | 'clock'>

/** @param load with the first call: a node that no peer asks keeps the memory of its units. */
export function unitsForPeers({ members, log, clock }: Mesh, load: () => Promise<UnitServer>): ServedUnits {
  let loaded: UnitServer | undefined
  const work = new PeerWork(clock)
  const permissionsOf = (peerId: string): readonly Permission[] => {
    const role = members.get(peerId)?.role
    return role === undefined ? [] : PERMISSIONS_OF[role]
  }
  const contextOf = (
    peerId: string,
    { requestId, budgetMs, traceId }: UnitCall,
    signal: AbortSignal
  ): UnitContext => ({
    caller: { origin: 'peer', peerId, permissions: permissionsOf(peerId) },
    requestId,
    budgetMs,
    traceId,
    signal
  })

  /** What manages this device is in its log. A peer that may not do that writes nothing there. */
  function note(server: UnitServer, peerId: string, { unit, requestId, traceId }: UnitCall): void {
    const { permission } = server.get(unit)
    if (permission === 'manage' && permissionsOf(peerId).includes(permission))
      log.info({ peerId, unit, requestId, traceId }, 'a peer calls a unit')
  }

  return {
    async execute(peerId, call, signal) {
      loaded ??= await load()
      const end = work.begin(peerId, call.unit, loaded.get(call.unit).kind)
      try {
        note(loaded, peerId, call)
        return await loaded.execute(call.unit, call.input, contextOf(peerId, call, signal))
      } finally {
        end()
      }
    },
    async *stream(peerId, call, signal) {
      loaded ??= await load()
      const { permission } = loaded.get(call.unit)
      const end = work.begin(peerId, call.unit, 'stream')
      try {
        note(loaded, peerId, call)
        for await (const item of loaded.stream(call.unit, call.input, contextOf(peerId, call, signal))) {
          if (!permissionsOf(peerId).includes(permission)) throw lost(permission)
          yield item
        }
      } finally {
        end()
      }
    }
  }
}

const lost = (permission: Permission): LumosError =>
  new LumosError('DENIED', `This device has the permission "${permission}" no more.`, {
    details: { permission }
  })
