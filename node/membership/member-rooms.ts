/**
 * How many devices a node keeps of each admin, so that an admin that makes up members fills its own room and no other.
 * Pure: `members-core.ts` asks.
 */

import { LumosError } from '../../interface/errors.ts'
import type { Membership } from '../../interface/membership.ts'
import type { MembersEffect, MembersState } from './members-state.ts'
import { isRemoved } from './removals.ts'

/**
 * Members kept of each admin, far above any private mesh: made-up members of a hostile admin take only its own
 * places. The root signs the certificates of admins alone, is trusted, and has no such bound.
 */
export const MEMBERS_PER_ADMIN_MAX = 4096
/** Of those, devices that the admin renewed for one other admin: made-up members of that one fill no room but theirs. */
export const RENEWED_PER_ADMIN_MAX = 512

/** Whether this node keeps one more device that the issuer has let in, or renewed for the vouchers. */
export function hasPlace(
  { mesh, known, letIn }: MembersState,
  { peerId, issuer, vouchers }: Pick<Membership, 'peerId' | 'issuer' | 'vouchers'>
): boolean {
  const held = known.get(peerId)?.membership
  const before = held?.issuer === issuer ? held : undefined
  if (issuer === mesh) return true
  if (before === undefined && (letIn.get(issuer) ?? 0) >= MEMBERS_PER_ADMIN_MAX) return false
  const renewedFor = (admin: string): number =>
    known
      .values()
      .filter(({ membership }) => membership.issuer === issuer && membership.vouchers.includes(admin))
      .toArray().length
  return vouchers.every(
    admin => before?.vouchers.includes(admin) || renewedFor(admin) < RENEWED_PER_ADMIN_MAX
  )
}

export const noPlace = ({ issuer }: Membership): MembersEffect => ({
  type: 'refuse',
  failure: new LumosError(
    'DENIED',
    `${issuer} has let in ${MEMBERS_PER_ADMIN_MAX} devices or renewed ${RENEWED_PER_ADMIN_MAX} of another admin, and this node keeps no more.`
  )
})

/** The rows of one issuer; {@link hasPlace} compares them. */
export function count({ letIn }: MembersState, issuer: string, by: number): number {
  const after = (letIn.get(issuer) ?? 0) + by
  if (after === 0) letIn.delete(issuer)
  else letIn.set(issuer, after)
  return after
}

/**
 * How many devices are known by the word of that admin, those that others have renewed since too. What a removed
 * admin says of another one counts no more.
 */
export const letInBy = ({ known, removals }: MembersState, admin: string): number =>
  known
    .values()
    .filter(
      ({ membership: { issuer, vouchers } }) =>
        issuer === admin || (vouchers.includes(admin) && !isRemoved(removals, issuer, 'admin'))
    )
    .toArray().length

/** What other devices are or were called, as far as this node knows: a name must not pass from a device to another. */
export const namesBesides = ({ known }: MembersState, peerId: string): Set<string> =>
  new Set([...known].filter(([id]) => id !== peerId).map(([, { membership }]) => membership.name))
