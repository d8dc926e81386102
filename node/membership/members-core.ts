/**
 * Who belongs to a mesh, as far as one node knows, as a deterministic core:
 * certificates and revocations come in with their signatures proven, and what a
 * peer is now is a look-up.
 *
 * What is decided is stored before it counts: the core asks for a write, and
 * goes on when it is told that the write is on disk. Revocations only ever grow,
 * and any two nodes that saw the same ones agree, whatever the order.
 */

import { createHash } from 'node:crypto'
import { NO_EFFECTS, type Stepped } from '../../interface/core.ts'
import { LumosError, toLumosError } from '../../interface/errors.ts'
import type { Certificate, Membership, Revocation } from '../../interface/membership.ts'
import { CLOCK_LEEWAY_MS, checkChain, isLater } from './chain.ts'
import type { Standing } from './policy.ts'

/** A certificate and, unless the root signed it, that of its issuer, as the bytes that prove it to others. */
type Chain = readonly Uint8Array[]

interface Known {
  readonly membership: Membership
  readonly chain: Chain
}

/** A revocation whose signature was proven. */
export interface ProvenRevocation {
  /** Of its bytes. */
  readonly hash: string
  readonly value: Revocation
  readonly envelope: Uint8Array
  /** The signing admin's certificate, which shows that it may; null when the root signed. */
  readonly issuerCertificate: Uint8Array | null
}

export interface MembersState {
  /** Id of the mesh. */
  readonly mesh: string
  readonly known: Map<string, Known>
  /** By subject: whether the root signed one. Only the root removes an admin. */
  readonly revoked: Map<string, { readonly byRoot: boolean }>
  /** By hash. */
  readonly revocations: Map<string, ProvenRevocation>
  /** Equal on two nodes exactly when they hold the same revocations. */
  digest: string
}

export type MembersEvent =
  /** The peer showed this chain; `certificates` is what it says. */
  | {
      readonly type: 'admit'
      readonly peerId: string
      readonly certificates: readonly Certificate[]
      readonly chain: Chain
    }
  | { readonly type: 'member-stored'; readonly membership: Membership; readonly chain: Chain }
  /** `revoker` is what the issuer's certificate says. */
  | {
      readonly type: 'revoke'
      readonly revocation: ProvenRevocation
      readonly revoker: Certificate | undefined
    }
  | { readonly type: 'revocation-stored'; readonly revocation: ProvenRevocation }

export type MembersEffect =
  | { readonly type: 'refuse'; readonly failure: LumosError }
  /** The peer is a member, and nothing about it is new. */
  | { readonly type: 'admitted'; readonly membership: Membership }
  | { readonly type: 'store-member'; readonly membership: Membership; readonly chain: Chain }
  | { readonly type: 'joined'; readonly membership: Membership }
  | { readonly type: 'store-revocation'; readonly revocation: ProvenRevocation }
  /** Whatever the peer has open with us must end now. */
  | { readonly type: 'cut-off'; readonly peerId: string }
  | { readonly type: 'removed'; readonly peerId: string; readonly name: string | undefined }

export const newMembers = (mesh: string): MembersState => ({
  mesh,
  known: new Map(),
  revoked: new Map(),
  revocations: new Map(),
  digest: ''
})

/**
 * Changes `state` in place. No effect says that a revocation is known already.
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
      isRevoked: (id, role) => isRevoked(state, id, role)
    })
    // An older certificate than the one we hold proves membership as well, and replaces nothing.
    if (member && isLater(known.membership, membership)) {
      return { type: 'admitted', membership: known.membership }
    }
    return { type: 'store-member', membership, chain }
  } catch (thrown) {
    return { type: 'refuse', failure: toLumosError(thrown) }
  }
}

function memberStored(
  state: MembersState,
  { membership, chain }: Extract<MembersEvent, { type: 'member-stored' }>,
  wallMs: number
): readonly MembersEffect[] {
  const { peerId } = membership
  const isNew = standingOf(state, peerId, wallMs).kind !== 'member'
  state.known.set(peerId, { membership, chain })
  return isNew ? [{ type: 'joined', membership }] : NO_EFFECTS
}

function revoke(
  { mesh, revocations }: MembersState,
  revocation: ProvenRevocation,
  revoker: Certificate | undefined
): readonly MembersEffect[] {
  const { value, hash } = revocation
  if (value.mesh !== mesh) return [refuse('The revocation is of another mesh.')]
  if (value.issuer !== mesh && !isAdminOf(mesh, value.issuer, revoker)) {
    return [refuse(`${value.issuer} is no admin and cannot remove anybody.`)]
  }
  return revocations.has(hash) ? NO_EFFECTS : [{ type: 'store-revocation', revocation }]
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
  const { value, hash } = revocation
  if (state.revocations.has(hash)) return NO_EFFECTS
  const byRoot = value.issuer === state.mesh || state.revoked.get(value.subject)?.byRoot === true
  state.revoked.set(value.subject, { byRoot })
  state.revocations.set(hash, revocation)
  state.digest = digestOf(state.revocations.keys())

  const { subject } = value
  // Whoever an admin let in falls with it, until another admin vouches for them.
  const fallen = [...state.known.keys()].filter(
    peerId => peerId !== subject && standingOf(state, peerId, wallMs).kind !== 'member'
  )
  return [
    ...[...fallen, subject].map(peerId => ({ type: 'cut-off', peerId }) as const),
    { type: 'removed', peerId: subject, name: state.known.get(subject)?.membership.name }
  ]
}

function digestOf(hashes: Iterable<string>): string {
  const digest = createHash('sha256')
  for (const hash of [...hashes].sort()) digest.update(hash)
  return digest.digest('hex')
}

export function standingOf(state: MembersState, peerId: string, wallMs: number): Standing {
  const membership = state.known.get(peerId)?.membership
  if (isRevoked(state, peerId, membership?.role)) return { kind: 'revoked' }
  if (membership === undefined || isRevoked(state, membership.issuer, 'admin')) return { kind: 'stranger' }
  const expired = wallMs > membership.notAfterMs + CLOCK_LEEWAY_MS
  return expired ? { kind: 'stranger' } : { kind: 'member', role: membership.role, name: membership.name }
}

export function isRevoked({ revoked }: MembersState, peerId: string, role: string | undefined): boolean {
  const revocation = revoked.get(peerId)
  return revocation !== undefined && (role !== 'admin' || revocation.byRoot)
}

export const sameChain = (a: Chain, b: Chain): boolean =>
  a === b || (a.length === b.length && a.every((certificate, i) => Buffer.compare(certificate, b[i]!) === 0))
