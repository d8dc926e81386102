/** What the owner of a device had better do about its mesh. Pure. */

import type { Membership } from '../../interface/membership.ts'
import type { AdviceCode } from '../../interface/mesh.ts'
import { isAhead } from './chain.ts'
import { type ClockApart, clockWords } from './clocks.ts'
import { RENEW_BEFORE_MS } from './renewal.ts'

/** Renewal had two weeks, and a person has two more. */
const END_NOTED_MS = RENEW_BEFORE_MS / 2

export interface Situation {
  /** This device as a member, while it is one. */
  readonly own: Membership | undefined
  readonly members: number
  readonly admins: number
  readonly holdsRoot: boolean
  readonly isRemoved: boolean
  /** An admin by whose word this device was a member is removed. */
  readonly isOrphan: boolean
  /** Another home uses this device's key at this time. */
  readonly isCopied: boolean
  /** This home did not know what its device had signed: it is a copy or from a backup. */
  readonly wasBehind: boolean
  /** Names of members that say that this device was removed. Without proof, each may lie. */
  readonly saidRemoved: readonly string[]
  readonly clocks: readonly ClockApart[]
  readonly wallMs: number
}

interface Advice {
  /** For those that say it in another language. */
  readonly code: AdviceCode
  readonly words: string
}

/** In sentences, the most pressing alone where there is one. */
export function adviceFor(situation: Situation): Advice[] {
  const { own } = situation
  const pressing = pressingOf(situation)
  if (pressing !== undefined) return [pressing]
  return own === undefined ? [] : adviceOfMember(own, situation)
}

/** What keeps the device from being a member. */
function pressingOf({ own, isRemoved, isOrphan, wallMs }: Situation): Advice | undefined {
  if (isRemoved) {
    return {
      code: 'removed',
      words:
        'This device was removed from the mesh, and can only come back as a new one: lumos-node leave --new-identity'
    }
  }
  if (isOrphan) {
    return {
      code: 'orphan',
      words:
        'An admin that let this device in was removed. Another admin that knows the device renews its certificate when they meet. If none does, begin anew: lumos-node leave'
    }
  }
  if (own === undefined)
    return {
      code: 'expired',
      words: 'The certificate of this device has expired. Begin anew: lumos-node leave'
    }
  if (isAhead(own, wallMs)) {
    const day = new Date(own.notBeforeMs).toISOString().slice(0, 10)
    return {
      code: 'ahead',
      words: `The certificate of this device begins on ${day}, and its clock says ${new Date(wallMs).toISOString().slice(0, 10)}. Set the clock if it is wrong. Else that of the admin was, when it let this device in: join again, with lumos-node leave, then lumos-node join CODE`
    }
  }
  return undefined
}

function adviceOfMember(
  own: Membership,
  { members, admins, holdsRoot, isCopied, wasBehind, saidRemoved, clocks, wallMs }: Situation
): Advice[] {
  const advice: Advice[] = []
  const add = (code: AdviceCode, words: string) => void advice.push({ code, words })
  if (isCopied) {
    add(
      'copied',
      'Another device uses the key of this one, as a copy of its home does. Give the copy a key of its own, there: lumos-node leave --new-identity'
    )
  } else if (wasBehind) {
    add(
      'behind',
      'This home is a copy or from a backup, and goes on with later numbers. If its original still runs, give one of them a key of its own: lumos-node leave --new-identity'
    )
  }
  for (const name of saidRemoved) {
    add(
      'said_removed',
      `"${name}" says that this device was removed from the mesh, and has not proved it. Ask its owner, or another admin`
    )
  }
  const apart = clockWords(clocks)
  if (apart !== undefined) add('clocks', apart)
  if (members > 1 && admins < 2) {
    add(
      'one_admin',
      'Only one device is an admin. Make another one, so that losing one does no harm: lumos-node promote NAME'
    )
  }
  const endsInMs = own.notAfterMs - wallMs
  if (own.role !== 'admin' && endsInMs < END_NOTED_MS) {
    const day = new Date(own.notAfterMs).toISOString().slice(0, 10)
    add(
      'renewal_late',
      `No admin has renewed the certificate of this device, which ends on ${day}. Start an admin device where this one can reach it`
    )
  }
  // Only the root renews an admin, and members end with the admin that vouches for them.
  if (own.role === 'admin' && !holdsRoot && endsInMs < RENEW_BEFORE_MS) {
    add(
      'root_renews',
      'The certificate of this admin runs out, and only the root key renews it: lumos-node mesh import'
    )
  }
  return advice
}
