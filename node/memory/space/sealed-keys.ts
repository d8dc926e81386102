/**
 * The newest key of a space, as devices hand it on: sealed to one that may read. A device that carries the space keeps what
 * readers sealed to each other, so that a reader which never meets another one has its key too.
 */

import { LumosError } from '../../../interface/errors.ts'
import type { Charter } from '../../../protocols/memory/charter.ts'
import { CARRIED_GIVERS_MAX, CARRIED_KEYS_MAX } from '../../../protocols/memory/limits.ts'
import type { CarriedKey } from '../../../protocols/memory/messages.ts'
import { NO_READER } from '../../../storage/memory/space-table.ts'
import type { CharterBundle } from '../worker/engine.ts'
import { sealTo, unsealOwn } from './boxes.ts'
import { invalid } from './charter-chain.ts'
import { Keyring } from './keyring.ts'
import type { Parts } from './parts.ts'
import { atLeast, rightIn } from './rights.ts'
import type { Space } from './space.ts'

type Bundled = Required<Pick<CharterBundle, 'key' | 'keys'>>
const NONE: Bundled = { key: null, keys: [] }

const keyAbout = (space: string, epoch: number): string => `lumos/memory/key/1 ${space} ${epoch}`

/** By key: it is sealed to a device once, however often the device or a carrier asks. */
const made = new WeakMap<Uint8Array, Map<string, Uint8Array>>()

/** What goes to this peer beside the charters. */
export function keysFor(parts: Parts, space: Space, peer: string): Bundled {
  const { mesh, spaces, key: own } = parts
  const { charter } = space.charter
  const right = rightIn(charter, peer, mesh)
  if (charter.gone || !atLeast(right, 'carry')) return NONE
  const mayRead = atLeast(right, 'read')
  if (space.carried) {
    const kept = spaces.carriedKeys(space.row, mayRead ? peer : undefined)
    const keys = kept.map(({ device, sealed }): CarriedKey => [device, sealed]).slice(0, CARRIED_KEYS_MAX)
    return { key: mayRead ? (keys[0]?.[1] ?? null) : null, keys }
  }
  const newest = space.keyring.newest(charter)
  if (newest === undefined) return NONE
  const about = keyAbout(space.id, charter.epochs.length)
  if (mayRead) return { key: sealTo(peer, about, newest), keys: [] }
  const readers = [...mesh.peerIds()].filter(
    device => device !== own.peerId && atLeast(rightIn(charter, device, mesh), 'read')
  )
  const sealed = made.get(newest) ?? new Map<string, Uint8Array>()
  made.set(newest, sealed)
  for (const device of readers) if (!sealed.has(device)) sealed.set(device, sealTo(device, about, newest))
  const keys = readers.map((device): CarriedKey => [device, sealed.get(device)!])
  return { key: null, keys: keys.slice(0, CARRIED_KEYS_MAX) }
}

/** All that open here: a carrier cannot know which of those that it keeps hold. */
export function openedKeys(
  { key: own }: Pick<Parts, 'key'>,
  id: string,
  epoch: number,
  { key, keys = [] }: CharterBundle
): Uint8Array[] {
  const sealed = keys.filter(([device]) => device === own.peerId).map(([, sealed]) => sealed)
  // Each costs a step of the thread, and no carrier keeps more.
  sealed.splice(CARRIED_GIVERS_MAX)
  return [...(key === null ? [] : [key]), ...sealed].flatMap(one => {
    try {
      return [unsealOwn(own, keyAbout(id, epoch), one)]
    } catch {
      return []
    }
  })
}

/** @throws {LumosError} `MEMORY_DENIED`: it did not come; `MEMORY_INVALID`: another one came. */
export function newestKey(
  parts: Pick<Parts, 'key'>,
  id: string,
  charter: Charter,
  bundle: CharterBundle
): Uint8Array {
  const sent = openedKeys(parts, id, charter.epochs.length, bundle)
  const key = sent.find(one => new Keyring(id).take(one, charter))
  if (key !== undefined) return key
  // A carrier cannot know whether what it keeps is the key.
  const isCarried = bundle.keys !== undefined && bundle.keys.length > 0
  if (sent.length > 0 && !isCarried) throw invalid('the key that came with them is another one')
  throw new LumosError('MEMORY_DENIED', `The key of the space ${id} did not come.`)
}

/** Of each device that may read, as this peer has sealed it. */
export function keepKeys(
  { spaces, mesh }: Parts,
  space: Space,
  keys: readonly CarriedKey[],
  from: string
): void {
  const { charter } = space.charter
  const giver = atLeast(rightIn(charter, from, mesh), 'read') ? from : NO_READER
  for (const [device, sealed] of keys)
    if (atLeast(rightIn(charter, device, mesh), 'read'))
      spaces.carryKey(space.row, device, giver, sealed, CARRIED_GIVERS_MAX)
}
