/** What follows for devices from a change of rights: pure. Who may no longer write is ended at what is known of it. */

import { PeerIdText } from '../../../interface/membership.ts'
import type { Charter } from '../../../protocols/memory/charter.ts'
import type { WriterId } from '../types.ts'
import { atLeast, givenTo, type Mesh } from './rights.ts'

type Ended = Charter['ended'][number]

export interface Settled {
  readonly ended: Charter['ended']
  /** A device that had the key may no longer read: the next key must be another one. */
  readonly rotate: boolean
}

/**
 * @param before the charter in force; `draft` is to follow it.
 * @param writers all lives that wrote, with their last numbers.
 */
export function settle(
  before: Charter,
  draft: Charter,
  mesh: Mesh,
  writers: readonly (WriterId & { seq: number })[]
): Settled {
  const ended = new Map(before.ended.map(entry => [entry.device, entry]))
  const devices = new Set([
    ...[...ended.keys(), ...writers.map(({ device }) => device), ...mesh.peerIds()],
    ...before.grants.map(({ to }) => to),
    ...draft.excluded
  ])
  let rotate = false
  for (const device of devices) {
    if (device === draft.creator || !isDevice(device)) continue
    const entry = ended.get(device)
    const had = entry?.right ?? word(before, device, mesh)
    const has = hasNow(draft, device, mesh)
    if (has === undefined || had === has || (entry === undefined && had === 'none')) continue
    rotate ||= has === 'none'
    ended.set(device, next(device, entry, has, writers))
  }
  return { ended: [...ended.values()], rotate }
}

/** A grant is to a device or to a role. */
const isDevice = (to: string): boolean => PeerIdText.safeParse(to).success

function word(charter: Charter, device: string, mesh: Mesh): Ended['right'] {
  const given = givenTo(charter, device, mesh.device(device)?.role)
  if (!atLeast(given, 'read')) return 'none'
  return atLeast(given, 'write') ? 'write' : 'read'
}

/** Nothing where this node cannot know: a device that it does not know now may have a right by its role. */
function hasNow(draft: Charter, device: string, mesh: Mesh): Ended['right'] | undefined {
  const known = mesh.device(device)
  if (draft.excluded.includes(device) || known?.revoked) return 'none'
  const has = word(draft, device, mesh)
  const byRole = draft.grants.some(({ to }) => !isDevice(to))
  return has === 'none' && known === undefined && byRole ? undefined : has
}

function next(
  device: string,
  entry: Ended | undefined,
  right: Ended['right'],
  writers: readonly (WriterId & { seq: number })[]
): Ended {
  const lives = [...(entry?.lives ?? [])]
  const couldWrite = (entry?.right ?? 'write') === 'write'
  for (const { device: of, life, seq } of writers) {
    if (of !== device || !couldWrite || right === 'write' || lives.some(one => one.life === life)) continue
    lives.push({ life, seq })
  }
  return { device, right, lives }
}
