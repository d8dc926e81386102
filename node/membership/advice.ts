/** What the owner of a device had better do about its mesh. Pure. */

import type { Membership } from '../../interface/membership.ts'
import { RENEW_BEFORE_MS } from './renewal.ts'

export interface Situation {
  /** This device as a member, while it is one. */
  readonly own: Membership | undefined
  readonly members: number
  readonly admins: number
  readonly holdsRoot: boolean
  readonly isRemoved: boolean
  /** Names of members that say that this device was removed. Without proof, each may lie. */
  readonly saidRemoved: readonly string[]
  readonly wallMs: number
}

/** In sentences, the most pressing alone where there is one. */
export function adviceFor({
  own,
  members,
  admins,
  holdsRoot,
  isRemoved,
  saidRemoved,
  wallMs
}: Situation): string[] {
  const advice: string[] = []
  if (isRemoved) {
    return [
      'This device was removed from the mesh, and can only come back as a new one: lumos-node leave --new-identity'
    ]
  }
  if (own === undefined) return ['The certificate of this device has expired. Begin anew: lumos-node leave']
  for (const name of saidRemoved) {
    advice.push(
      `"${name}" says that this device was removed from the mesh, and has not proved it. Ask its owner, or another admin`
    )
  }
  if (members > 1 && admins < 2) {
    advice.push(
      'Only one device is an admin. Make another one, so that losing one does no harm: lumos-node promote NAME'
    )
  }
  // Only the root renews an admin, and members end with the admin that vouches for them.
  if (own.role === 'admin' && !holdsRoot && own.notAfterMs - wallMs < RENEW_BEFORE_MS) {
    advice.push(
      'The certificate of this admin runs out, and only the root key renews it: lumos-node mesh import'
    )
  }
  return advice
}
