/** What peers state in their manifests that they hold. A claim says whom to ask, and the hashes say what came. */

import * as z from 'zod'
import { MANIFEST_PART_BYTES_MAX } from '../../../interface/manifest.ts'
import { ModelId } from '../../../interface/names.ts'
import { CidText, COPIES_MAX, type Repository } from '../../../interface/weights.ts'
import { decodeControl, encodeControl } from '../../../protocols/wire/control.ts'

/** Of the part: what is held needs the rest. */
const WANTED_BYTES_MAX = MANIFEST_PART_BYTES_MAX / 2
/** An entry takes 110 bytes and more. */
const WANTED_MAX = 32
/** An entry takes 80 bytes and more, so a part has room for no more of them. */
const HELD_MAX = 64
/** Peers whose claims are kept: as many as manifests. The oldest claim goes first. */
const PEERS_MAX = 4096

const Held = z.object({ cid: CidText, name: ModelId })
/** How many copies the mesh is to have of a repository: what its holders, and the device on which that was said, state. */
const Wanted = z.object({
  cid: CidText,
  name: ModelId,
  bytes: z.int().min(0),
  copies: z.int().min(0).max(COPIES_MAX),
  /** Wall time of the device on which it was said: the latest statement counts. */
  atMs: z.int().min(0)
})
export type Wanted = z.infer<typeof Wanted>

const Part = z.object({
  held: z.array(Held).max(HELD_MAX),
  /** There are others, for which this has no room or which are not for every member: ask `find`. */
  more: z.boolean(),
  /** Bytes of copies that this device takes; absent for one that takes none. */
  room: z.int().min(0).optional(),
  wanted: z.array(Wanted).max(WANTED_MAX).optional()
})
export type Part = z.infer<typeof Part>

/** What a device states beside what it holds. */
export type Statement = Pick<Part, 'room'> & { readonly wanted: readonly Wanted[] }

/**
 * @param held the newest first.
 * @param left whether there are others that must not be listed.
 */
export function encodeHeld(
  held: readonly Pick<Repository, 'cid' | 'name'>[],
  left: boolean,
  { room, wanted: all }: Statement = { wanted: [] }
): Uint8Array | undefined {
  const wanted = firstOf(all, WANTED_MAX, WANTED_BYTES_MAX)
  const more = { ...(room !== undefined && { room }), ...(wanted.length > 0 && { wanted }) }
  if (held.length === 0 && !left && Object.keys(more).length === 0) return undefined
  const taken = encodeControl({ held: [], more: false, ...more }).byteLength + HELD_MAX
  const listed = firstOf(
    held.map(({ cid, name }) => ({ cid, name })),
    HELD_MAX,
    MANIFEST_PART_BYTES_MAX - taken
  )
  return encodeControl({ held: listed, more: left || listed.length < held.length, ...more })
}

function firstOf<T>(entries: readonly T[], max: number, bytesMax: number): T[] {
  let bytes = 0
  const fitting = entries.slice(0, max).findIndex(entry => {
    bytes += encodeControl(entry).byteLength
    return bytes > bytesMax
  })
  return entries.slice(0, fitting === -1 ? max : fitting)
}

/** Undefined for what is no such part: a peer that states nonsense holds nothing. */
export function decodeHeld(part: Uint8Array): Part | undefined {
  try {
    return decodeControl(Part, part)
  } catch {
    return undefined
  }
}

/** A claim, and when this device heard it last. */
export type Claim = Part & { readonly heardMs: number }

export class Claims {
  readonly #parts = new Map<string, Claim>()

  set(peerId: string, part: Uint8Array | undefined, heardMs: number): void {
    this.#parts.delete(peerId)
    const read = part && decodeHeld(part)
    if (read === undefined) return
    this.#parts.set(peerId, { ...read, heardMs })
    if (this.#parts.size > PEERS_MAX) this.#parts.delete(this.#parts.keys().next().value!)
  }

  clear(): void {
    this.#parts.clear()
  }

  get(peerId: string): Claim | undefined {
    return this.#parts.get(peerId)
  }

  /** Peers that hold anything. */
  peers(): string[] {
    return [...this.#parts].flatMap(([peerId, { held, more }]) => (held.length > 0 || more ? peerId : []))
  }

  /** Peers that state to hold this, then those that may without having room to state it. */
  holders(...refs: readonly string[]): string[] {
    const stated = this.stating(...refs)
    const others = [...this.#parts].flatMap(([peerId, { more }]) => (more ? peerId : []))
    return [...new Set([...stated, ...others])]
  }

  /** Peers that state to hold this. */
  stating(...refs: readonly string[]): string[] {
    const states = ({ held }: Part) => held.some(({ cid, name }) => refs.includes(cid) || refs.includes(name))
    return [...this.#parts].flatMap(([peerId, part]) => (states(part) ? peerId : []))
  }
}
