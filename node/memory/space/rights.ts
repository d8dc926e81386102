/** Who may do what in a space, and which charter follows which: pure. */

import type { Role } from '../../../interface/membership.ts'
import { SPACE_RIGHTS, type SpaceRight } from '../../../interface/memory.ts'
import type { Charter, SignedCharter } from '../../../protocols/memory/charter.ts'
import { equal } from '../../../protocols/memory/envelope.ts'
import type { WriterId } from '../types.ts'

export interface Device {
  readonly role: Role
  readonly revoked: boolean
}

/** What is known of the mesh: `self` has its rights by name even where it is in no mesh. */
export interface Mesh {
  readonly id: string | null
  readonly self: string
  device(peerId: string): Device | undefined
  peerIds(): Iterable<string>
}

const rank = (right: SpaceRight | null): number => (right === null ? -1 : SPACE_RIGHTS.indexOf(right))
export const atLeast = (right: SpaceRight | null, least: SpaceRight): boolean => rank(right) >= rank(least)
const larger = (one: SpaceRight | null, other: SpaceRight | null) => (rank(one) >= rank(other) ? one : other)

/** The right that a charter gives, whatever became of the device. */
export function givenTo(charter: Charter, peerId: string, role: Role | undefined): SpaceRight | null {
  if (charter.creator === peerId) return 'own'
  let right: SpaceRight | null = null
  for (const grant of charter.grants)
    if (grant.to === peerId || grant.to === role) right = larger(right, grant.right)
  return right
}

/** The right of a device now: none for one that was revoked, is excluded, or is of another mesh than the space. */
export function rightIn(charter: Charter, peerId: string, mesh: Mesh): SpaceRight | null {
  if (charter.excluded.includes(peerId)) return null
  const device = mesh.device(peerId)
  if (peerId === mesh.self) return device?.revoked ? null : givenTo(charter, peerId, device?.role)
  if (charter.mesh === null || charter.mesh !== mesh.id) return null
  if (device === undefined || device.revoked) return null
  return givenTo(charter, peerId, device.role)
}

/** Whether the owner that signed `next` was one by `before`. A device that is no longer known counts by its name only. */
export function maySign(before: Charter, next: Charter, mesh: Mesh): boolean {
  if (before.excluded.includes(next.by)) return false
  return givenTo(before, next.by, mesh.device(next.by)?.role) === 'own'
}

/** Whether `next` may follow `before` at all: what can never change did not, and nothing that is for ever was taken back. */
export function follows(before: SignedCharter, next: SignedCharter): boolean {
  const [old, new_] = [before.charter, next.charter]
  return (
    new_.version === old.version + 1 &&
    equal(new_.previous, before.hash) &&
    new_.creator === old.creator &&
    equal(new_.nonce, old.nonce) &&
    (old.mesh === null || new_.mesh === old.mesh) &&
    !old.gone &&
    new_.epochs.length >= old.epochs.length &&
    old.epochs.every((epoch, n) => equal(epoch.check, new_.epochs[n]!.check)) &&
    !new_.excluded.includes(new_.creator) &&
    // Owners append to these lists. So a look at each place is enough, however long a hostile owner made them.
    new_.forgotten.length >= old.forgotten.length &&
    old.excluded.every((device, n) => device === new_.excluded[n]) &&
    old.forgotten.every((tag, n) => equal(tag, new_.forgotten[n]!))
  )
}

/** Of two charters of one version: the lower hash, which no honest owner can choose. */
export const isFirst = (one: SignedCharter, other: SignedCharter): boolean =>
  Buffer.compare(one.hash, other.hash) < 0

/** Up to which envelope a life counts, by the charter; infinite where it has not ended. */
export function endOf(charter: Charter, { device, life }: WriterId): number {
  const ended = charter.ended.find(one => one.device === device)
  if (ended === undefined) return Number.POSITIVE_INFINITY
  const known = ended.lives.find(one => one.life === life)
  if (known !== undefined) return known.seq
  return ended.right === 'write' ? Number.POSITIVE_INFINITY : 0
}

/** Whether what this envelope says is part of the content. */
export const counts = (charter: Charter, writer: WriterId, seq: number): boolean =>
  !charter.excluded.includes(writer.device) && seq <= endOf(charter, writer)
