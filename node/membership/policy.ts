/**
 * What each peer may do: one pure function, asked when a connection is made, when a stream is opened, and again when
 * a request runs.
 */

import { LumosError } from '../../interface/errors.ts'
import { type Access, ROLES, type Role } from '../../interface/membership.ts'
import { thoseCalled } from '../../interface/names.ts'
import { encodeRevocation, type RevocationEntry } from '../../protocols/revocation/index.ts'

/** What a peer is to this node just now. */
export type Standing =
  | { readonly kind: 'member'; readonly role: Role; readonly name: string }
  | { readonly kind: 'stranger' }
  /** `proof` is the revocation, which the peer may not know. */
  | { readonly kind: 'revoked'; readonly proof?: RevocationEntry | undefined }
  | { readonly kind: 'banned' }

export type Action =
  /** A connection in either direction. */
  | { readonly kind: 'connect' }
  /** A connection that the peer has made, on which nothing is open yet. */
  | { readonly kind: 'accept' }
  /** A stream of this protocol, opened by the peer; `openers` is what the protocol states at its registration. */
  | { readonly kind: 'open'; readonly protocol: string; readonly openers: readonly Opener[] }
  /** An inference request, for a model whose owner may have named who may ask. */
  | { readonly kind: 'ask'; readonly access: Access }

/** What a peer must be to open a protocol. */
export type Opener = Role | 'stranger'

/** For protocols that keep the membership together, which a member of any role needs. */
export const EVERY_MEMBER: readonly Opener[] = ROLES
/** For protocols by which a device becomes known. */
export const EVERYBODY: readonly Opener[] = [...ROLES, 'stranger']

export interface PolicyContext {
  readonly peerId: string
}

/**
 * A connection of a removed peer is accepted, so that the peer learns why: it has proved that it holds the key, and
 * nothing opens for it.
 *
 * @throws {LumosError} `PEER_REVOKED`, `PEER_BANNED`, `PEER_NOT_MEMBER` or `DENIED`.
 */
export function permit(standing: Standing, action: Action, { peerId }: PolicyContext): void {
  if (standing.kind === 'revoked' && action.kind === 'accept') return
  if (standing.kind === 'revoked') {
    const details = standing.proof && { revocation: encodeRevocation(standing.proof) }
    throw new LumosError('PEER_REVOKED', `${peerId} was removed from the mesh.`, details && { details })
  }
  if (standing.kind === 'banned') throw new LumosError('PEER_BANNED', `${peerId} is shut out for a while.`)
  if (standing.kind === 'stranger') {
    // A peer is a stranger until it has shown its certificate.
    if (action.kind === 'connect' || action.kind === 'accept') return
    if (action.kind === 'open' && action.openers.includes('stranger')) return
    throw new LumosError('PEER_NOT_MEMBER', `${peerId} is not a member of this mesh.`)
  }
  permitMember(standing, action, peerId)
}

function permitMember({ role, name }: Member, action: Action, peerId: string): void {
  if (action.kind === 'ask' && !isGranted(action.access, { peerId, name, role })) {
    throw new LumosError('DENIED', `${peerId} may not use this model.`)
  }
  if (action.kind === 'open' && !action.openers.includes(role)) {
    throw new LumosError('DENIED', `${peerId} has the role ${role}, which may not open ${action.protocol}.`)
  }
}

type Member = Extract<Standing, { kind: 'member' }>

const isGranted = (access: Access, asker: { peerId: string; name: string; role: Role }): boolean =>
  access === 'everyone' ||
  access.roles?.includes(asker.role) === true ||
  access.peers?.some(peer => thoseCalled([asker], peer).length > 0) === true
