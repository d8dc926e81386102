/**
 * Which revocations a node keeps: of each issuer at most one for a subject, and of each admin a bounded number.
 *
 * What is kept is a function of the set that was seen, whatever the order: the lowest hashes. Two nodes that
 * hear of everything agree, and a room that is full changes ever more rarely, because a lower hash must be found.
 * An admin that fills its room can push out its own revocations and no others. That gives it nothing: a device
 * that it removed comes back as easily with a fresh certificate for another key.
 */

import { createHash } from 'node:crypto'
import { LumosError } from '../../interface/errors.ts'
import type { Revocation, Role } from '../../interface/membership.ts'

/**
 * Revocations kept of each admin. A mesh is the devices of a group of people, and each leaves at most once. The
 * root has no such bound: it is trusted, and alone can remove an admin.
 */
export const REVOCATIONS_PER_ADMIN_MAX = 512

/** A revocation whose signature was proven. */
export interface ProvenRevocation {
  /** Of its bytes. */
  readonly hash: string
  readonly value: Revocation
  readonly envelope: Uint8Array
  /** The signing admin's certificate, which shows that it may; null when the root signed. */
  readonly issuerCertificate: Uint8Array | null
}

/** What one issuer said, by subject. */
type Room = Map<string, ProvenRevocation>

export interface Removals {
  /** Id of the mesh: the root. */
  readonly mesh: string
  readonly rooms: Map<string, Room>
  /** By hash: all that the rooms hold. */
  readonly kept: Map<string, ProvenRevocation>
  /** Of what is kept, once it was asked for. */
  digest: string | undefined
}

export const newRemovals = (mesh: string): Removals => ({
  mesh,
  rooms: new Map(),
  kept: new Map(),
  digest: undefined
})

/** What this issuer, or any, has removed. */
export const subjectsOf = ({ rooms }: Removals, issuer?: string): ReadonlySet<string> => {
  const wanted = issuer === undefined ? [...rooms.values()] : [rooms.get(issuer) ?? new Map()]
  return new Set(wanted.flatMap(room => [...room.keys()]))
}

export const isFull = ({ mesh, rooms }: Removals, issuer: string): boolean =>
  issuer !== mesh && (rooms.get(issuer)?.size ?? 0) >= REVOCATIONS_PER_ADMIN_MAX

/** @throws {LumosError} `DENIED` when one more revocation of this issuer would take the place of another. */
export function mustHaveRoom(removals: Removals, issuer: string): void {
  if (!isFull(removals, issuer)) return
  throw new LumosError(
    'DENIED',
    `This admin has removed ${REVOCATIONS_PER_ADMIN_MAX} devices, as many as nodes keep of one admin.`,
    { hint: 'Remove it on a device that holds the root key: lumos-node mesh show' }
  )
}

/** Whether {@link keepRemoval} would change anything. */
export function wouldKeep(
  removals: Removals,
  { hash, value: { issuer, subject } }: ProvenRevocation
): boolean {
  const room = removals.rooms.get(issuer)
  const same = room?.get(subject)
  if (same !== undefined) return hash < same.hash
  return !isFull(removals, issuer) || hash < highestOf(room!).hash
}

/** @returns what has no place: the one that this one replaces, or this one. */
export function keepRemoval(removals: Removals, revocation: ProvenRevocation): ProvenRevocation | undefined {
  const { rooms, kept } = removals
  const { hash, value } = revocation
  if (kept.has(hash)) return undefined
  if (!wouldKeep(removals, revocation)) return revocation

  const room: Room = rooms.get(value.issuer) ?? new Map()
  const gone = room.get(value.subject) ?? (isFull(removals, value.issuer) ? highestOf(room) : undefined)
  if (gone !== undefined) {
    room.delete(gone.value.subject)
    kept.delete(gone.hash)
  }
  rooms.set(value.issuer, room)
  room.set(value.subject, revocation)
  kept.set(hash, revocation)
  removals.digest = undefined
  return gone
}

const highestOf = (room: Room): ProvenRevocation =>
  [...room.values()].reduce((highest, one) => (one.hash > highest.hash ? one : highest))

/**
 * Whether the peer belongs no more. Only the root removes an admin. What an admin says of a peer whose role is not
 * known counts once its certificate is.
 */
export const isRemoved = (removals: Removals, peerId: string, role: Role | undefined): boolean =>
  proofAgainst(removals, peerId, role) !== undefined

/** A revocation that removes the peer: the root's, where there is one. */
export function proofAgainst(
  { mesh, rooms }: Removals,
  peerId: string,
  role: Role | undefined
): ProvenRevocation | undefined {
  const byRoot = rooms.get(mesh)?.get(peerId)
  if (byRoot !== undefined || role === undefined || role === 'admin') return byRoot
  for (const room of rooms.values()) {
    const found = room.get(peerId)
    if (found !== undefined) return found
  }
  return undefined
}

export function digestOf(removals: Removals): string {
  if (removals.digest !== undefined) return removals.digest
  const digest = createHash('sha256')
  for (const hash of [...removals.kept.keys()].sort()) digest.update(hash)
  removals.digest = removals.kept.size === 0 ? '' : digest.digest('hex')
  return removals.digest
}

/** The root's come first: they must arrive, whatever admins have filled their rooms with. */
export const inOrder = ({ mesh, kept }: Removals): ProvenRevocation[] =>
  [...kept.values()].sort((a, b) => Number(b.value.issuer === mesh) - Number(a.value.issuer === mesh))
