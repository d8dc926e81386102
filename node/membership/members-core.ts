/**
 * The members of a mesh, as far as one node knows, as a deterministic core:
 * certificates and revocations come in with their signatures proven, and what a
 * peer is now is a look-up.
 *
 * What is decided is stored before it counts: the core asks for a write, and
 * goes on when it is told that the write is on disk. `removals.ts` says which
 * revocations are kept: two nodes that saw the same ones agree, in any order.
 */

import { NO_EFFECTS, type Stepped } from '../../interface/core.ts'
import { LumosError, toLumosError } from '../../interface/errors.ts'
import type { Certificate, Membership } from '../../interface/membership.ts'
import { encodeRevocation } from '../../protocols/revocation/index.ts'
import { adminsBehind, CLOCK_LEEWAY_MS, checkChain, isLater, membershipOf } from './chain.ts'
import { count, hasPlace, MEMBERS_PER_ADMIN_MAX, noPlace } from './member-rooms.ts'
import type { Chain, MembersEffect, MembersEvent, MembersState } from './members-state.ts'
import type { Standing } from './policy.ts'
import {
  digestOf,
  isFull,
  isRemoved,
  keepRemoval,
  type ProvenRevocation,
  proofAgainst,
  wouldKeep
} from './removals.ts'

/** A device that was off this long after its certificate ended is forgotten. */
export const FORGOTTEN_AFTER_MS = 365 * 24 * 3600 * 1000

/**
 * Changes `state` in place. No effect says that a revocation changes nothing.
 * Certificates are valid by the clocks of people, so time is wall time here.
 */
export function stepMembers(
  state: MembersState,
  event: MembersEvent,
  wallMs: number
): Stepped<MembersState, MembersEffect> {
  switch (event.type) {
    case 'admit':
      return { state, effects: [admit(state, event, wallMs)] }
    case 'member-stored':
      return { state, effects: memberStored(state, event, wallMs) }
    case 'revoke':
      return { state, effects: revoke(state, event.revocation, event.revoker) }
    case 'revocation-stored':
      return { state, effects: revocationStored(state, event.revocation, wallMs) }
    case 'tidy':
      return { state, effects: tidy(state, wallMs) }
  }
}

function admit(
  state: MembersState,
  { peerId, certificates, chain }: Extract<MembersEvent, { type: 'admit' }>,
  wallMs: number
): MembersEffect {
  const known = state.known.get(peerId)
  const member = known !== undefined && standingOf(state, peerId, wallMs).kind === 'member'
  if (member && sameChain(known.chain, chain)) return { type: 'admitted', membership: known.membership }
  try {
    const membership = checkChain(certificates, {
      mesh: state.mesh,
      subject: peerId,
      wallMs,
      isRevoked: (id, role) => isRemoved(state.removals, id, role)
    })
    // An older certificate than the one we hold proves membership as well, and replaces nothing.
    if (member && isLater(known.membership, membership, wallMs)) {
      return { type: 'admitted', membership: known.membership }
    }
    return hasPlace(state, membership) ? { type: 'store-member', membership, chain } : noPlace(membership)
  } catch (thrown) {
    return { type: 'refuse', failure: withProof(state, certificates, toLumosError(thrown)) }
  }
}

/**
 * The refusal of a chain, and the revocation that it is due to, which the refused device may not know. A stranger
 * can name any admin in a certificate that it made up, and must not learn so which admins were removed.
 */
function withProof(
  { mesh, removals }: MembersState,
  [own, issuer]: readonly Certificate[],
  failure: LumosError
): LumosError {
  const proof =
    failure.code === 'PEER_REVOKED'
      ? proofAgainst(removals, own!.subject, own!.role)
      : issuer?.issuer === mesh && issuer.subject === own!.issuer
        ? adminsBehind(membershipOf([own!, issuer]))
            .map(admin => proofAgainst(removals, admin, 'admin'))
            .find(Boolean)
        : undefined
  if (proof === undefined) return failure
  const details = { revocation: encodeRevocation(proof) }
  return new LumosError(failure.code, failure.message, { details, cause: failure })
}

function memberStored(
  state: MembersState,
  { membership, chain }: Extract<MembersEvent, { type: 'member-stored' }>,
  wallMs: number
): readonly MembersEffect[] {
  const { peerId } = membership
  const isNew = standingOf(state, peerId, wallMs).kind !== 'member'
  const effects: MembersEffect[] = isNew ? [{ type: 'joined', membership }] : []
  const before = state.known.get(peerId)?.membership.issuer
  state.known.set(peerId, { membership, chain })
  if (before === membership.issuer) return effects
  if (before !== undefined) count(state, before, -1)
  const letIn = count(state, membership.issuer, 1)
  if (letIn === MEMBERS_PER_ADMIN_MAX && membership.issuer !== state.mesh) {
    effects.push({ type: 'room-full', peerId: membership.issuer, room: 'members' })
  }
  return effects
}

/**
 * A device whose certificate has ended may still be known by it to those that issue the next one. It is not
 * when it was off for a year, nor when the admin that let it in was removed.
 */
function tidy(state: MembersState, wallMs: number): readonly MembersEffect[] {
  const effects: MembersEffect[] = []
  for (const [peerId, { membership }] of state.known) {
    const endedMs = wallMs - membership.notAfterMs
    if (endedMs <= (hasFallen(state, membership) ? CLOCK_LEEWAY_MS : FORGOTTEN_AFTER_MS)) continue
    state.known.delete(peerId)
    count(state, membership.issuer, -1)
    effects.push({ type: 'forget-member', peerId })
  }
  return effects
}

function revoke(
  { mesh, removals }: MembersState,
  revocation: ProvenRevocation,
  revoker: Certificate | undefined
): readonly MembersEffect[] {
  const { value } = revocation
  if (value.mesh !== mesh) return [refuse('The revocation is of another mesh.')]
  if (value.issuer !== mesh && !isAdminOf(mesh, value.issuer, revoker)) {
    return [refuse(`${value.issuer} is no admin and cannot remove anybody.`)]
  }
  return wouldKeep(removals, revocation) ? [{ type: 'store-revocation', revocation }] : NO_EFFECTS
}

/** An admin that was itself removed later could still remove devices: what was said stays said, in any order. */
const isAdminOf = (mesh: string, peerId: string, proof: Certificate | undefined): boolean =>
  proof?.role === 'admin' && proof.subject === peerId && proof.issuer === mesh && proof.mesh === mesh

const refuse = (message: string): MembersEffect => ({
  type: 'refuse',
  failure: new LumosError('CERTIFICATE_INVALID', message)
})

function revocationStored(
  state: MembersState,
  revocation: ProvenRevocation,
  wallMs: number
): readonly MembersEffect[] {
  const { subject, issuer } = revocation.value
  // What an admin let in falls with it, until another admin vouches for it.
  const concerned = [subject]
  for (const [peerId, { membership }] of state.known)
    if (adminsBehind(membership).includes(subject)) concerned.push(peerId)
  const before = concerned.map(peerId => standingOf(state, peerId, wallMs).kind)

  const wasFull = isFull(state.removals, issuer)
  const gone = keepRemoval(state.removals, revocation)
  const effects: MembersEffect[] = []
  if (gone !== undefined) effects.push({ type: 'forget-revocation', hash: gone.hash })
  for (const [i, peerId] of concerned.entries()) {
    const { kind } = standingOf(state, peerId, wallMs)
    if (kind === before[i] || kind === 'member') continue
    effects.push({ type: 'cut-off', peerId })
    if (peerId === subject) effects.push({ type: 'removed', peerId, name: nameOf(state, peerId) })
  }
  if (!wasFull && isFull(state.removals, issuer)) {
    effects.push({ type: 'room-full', peerId: issuer, room: 'revocations' })
  }
  return effects
}

const nameOf = ({ known }: MembersState, peerId: string): string | undefined =>
  known.get(peerId)?.membership.name

/** Equal on two nodes exactly when they keep the same revocations. */
export const revocationsDigest = ({ removals }: MembersState): string => digestOf(removals)

export function standingOf(state: MembersState, peerId: string, wallMs: number): Standing {
  const membership = state.known.get(peerId)?.membership
  const { removals } = state
  if (isRemoved(removals, peerId, membership?.role)) {
    return { kind: 'revoked', proof: proofAgainst(removals, peerId, membership?.role) }
  }
  if (membership === undefined || hasFallen(state, membership)) return { kind: 'stranger' }
  const expired = wallMs > membership.notAfterMs + CLOCK_LEEWAY_MS
  return expired ? { kind: 'stranger' } : { kind: 'member', role: membership.role, name: membership.name }
}

/** Whether an admin by whose word the device is a member was removed. */
export const hasFallen = ({ removals }: MembersState, { issuer, vouchers }: Membership): boolean =>
  isRemoved(removals, issuer, 'admin') || vouchers.some(admin => isRemoved(removals, admin, 'admin'))

export const sameChain = (a: Chain, b: Chain): boolean =>
  a === b || (a.length === b.length && a.every((certificate, i) => Buffer.compare(certificate, b[i]!) === 0))
