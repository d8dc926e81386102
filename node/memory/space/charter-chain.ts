/** Which charters may follow each other, and what an owner signs again whose charter lost to another one. */

import { LumosError } from '../../../interface/errors.ts'
import {
  type Charter,
  type CharterSecrets,
  openCharter,
  type SignedCharter
} from '../../../protocols/memory/charter.ts'
import { equal } from '../../../protocols/memory/envelope.ts'
import { CHARTERS_MAX } from '../../../protocols/memory/limits.ts'
import { CHARTER_CHAIN_BYTES_MAX } from '../../../protocols/memory/messages.ts'
import type { CharterBundle } from '../worker/engine.ts'
import type { Parts } from './parts.ts'
import { follows, type Mesh, maySign } from './rights.ts'
import type { Space } from './space.ts'

/** What an owner changes. */
export type Amendment = Partial<Pick<Charter, 'mesh' | 'grants' | 'excluded' | 'forgotten' | 'gone'>> & {
  readonly secrets?: CharterSecrets
}

export function chainOf({ records }: CharterBundle): SignedCharter[] {
  if (records.length > CHARTERS_MAX) throw invalid(`there are over ${CHARTERS_MAX}`)
  const charters = records.map(openCharter)
  for (const [n, { charter }] of charters.entries())
    if (charter.version !== charters[0]!.charter.version + n) throw invalid('they are not in order')
  return charters
}

/** The newest one must not be of a revoked device; those before it were followed by owners after them. */
export function checkChain(charters: readonly SignedCharter[], mesh: Mesh): void {
  for (const [n, next] of charters.entries()) {
    const before = charters[n - 1]
    if (before === undefined) continue
    if (!follows(before, next)) throw invalid(`version ${next.charter.version} does not follow`)
    if (!maySign(before.charter, next.charter, mesh))
      throw new LumosError('MEMORY_DENIED', `${next.charter.by} may not sign a charter of this space.`)
  }
  const { by } = charters.at(-1)!.charter
  if (mesh.device(by)?.revoked)
    throw new LumosError('MEMORY_DENIED', `${by}, which signed the newest charter, was revoked.`)
}

/** A newcomer is sent the chain as a whole, and takes no more than this. */
export function checkRoom(
  { spaces }: Pick<Parts, 'spaces'>,
  { row }: Space,
  next: readonly SignedCharter[]
): void {
  let bytes = spaces.charterBytes(row, next[0]!.charter.version)
  for (const { record } of next) bytes += record.length
  if (bytes > CHARTER_CHAIN_BYTES_MAX)
    throw new LumosError(
      'MEMORY_FULL',
      `The charters of a space have ${CHARTER_CHAIN_BYTES_MAX} bytes at most.`
    )
}

/** What `mine` changed in `old`, as a change of the charter that is in force now. */
export function repeated(space: Space, secrets: CharterSecrets, old: Charter, mine: Charter): Amendment {
  const now = space.charter.charter
  const times = new Map(space.secrets.forgotten)
  for (const [name, count] of secrets.forgotten) times.set(name, Math.max(count, times.get(name) ?? 0))
  const changed = mine.grants.filter(grant => !old.grants.some(one => isSame(one, grant)))
  const gone = old.grants.filter(({ to }) => !mine.grants.some(grant => grant.to === to))
  const touched = new Set([...changed, ...gone].map(({ to }) => to))
  return {
    mesh: now.mesh ?? mine.mesh,
    grants: [...now.grants.filter(({ to }) => !touched.has(to)), ...changed],
    excluded: [...new Set([...now.excluded, ...mine.excluded])],
    forgotten: [
      ...now.forgotten,
      ...mine.forgotten.filter(tag => !now.forgotten.some(one => equal(one, tag)))
    ],
    gone: mine.gone,
    secrets: { ...space.secrets, forgotten: [...times] }
  }
}

const isSame = (one: Charter['grants'][number], other: Charter['grants'][number]): boolean =>
  one.to === other.to && one.right === other.right

export const invalid = (what: string): LumosError =>
  new LumosError('MEMORY_INVALID', `The charters of a space are not as agreed: ${what}.`)
