/** What peers state in their manifests that they hold. A claim says whom to ask, and the hashes say what came. */

import * as z from 'zod'
import { MANIFEST_PART_BYTES_MAX } from '../../../interface/manifest.ts'
import { ModelId } from '../../../interface/names.ts'
import { CidText, type Repository } from '../../../interface/weights.ts'
import { decodeControl, encodeControl } from '../../../protocols/wire/control.ts'

/** An entry takes 80 bytes and more, so a part has room for no more of them. */
const HELD_MAX = 64
/** Peers whose claims are kept: as many as manifests. The oldest claim goes first. */
const PEERS_MAX = 4096

const Held = z.object({ cid: CidText, name: ModelId })
const Part = z.object({
  held: z.array(Held).max(HELD_MAX),
  /** There are others, for which this has no room or which are not for every member: ask `find`. */
  more: z.boolean()
})
type Part = z.infer<typeof Part>

/**
 * @param held the newest first.
 * @param left whether there are others that must not be listed.
 */
export function encodeHeld(
  held: readonly Pick<Repository, 'cid' | 'name'>[],
  left: boolean
): Uint8Array | undefined {
  if (held.length === 0 && !left) return undefined
  const listed: Part['held'] = []
  let bytes = encodeControl({ held: [], more: false }).byteLength + HELD_MAX
  for (const { cid, name } of held.slice(0, HELD_MAX)) {
    bytes += encodeControl({ cid, name }).byteLength
    if (bytes > MANIFEST_PART_BYTES_MAX) break
    listed.push({ cid, name })
  }
  return encodeControl({ held: listed, more: left || listed.length < held.length })
}

/** Undefined for what is no such part: a peer that states nonsense holds nothing. */
export function decodeHeld(part: Uint8Array): Part | undefined {
  try {
    return decodeControl(Part, part)
  } catch {
    return undefined
  }
}

export class Claims {
  readonly #parts = new Map<string, Part>()

  set(peerId: string, part: Uint8Array | undefined): void {
    this.#parts.delete(peerId)
    const read = part && decodeHeld(part)
    if (read === undefined) return
    this.#parts.set(peerId, read)
    if (this.#parts.size > PEERS_MAX) this.#parts.delete(this.#parts.keys().next().value!)
  }

  clear(): void {
    this.#parts.clear()
  }

  /** Peers that hold anything. */
  peers(): string[] {
    return [...this.#parts.keys()]
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
