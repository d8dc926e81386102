/** What this node is in its mesh: the certificates that it shows, and what the mesh is called. Each change is stored. */

import type { Clock } from '../../interface/clock.ts'
import { BACKDATED_MS } from '../../interface/membership.ts'
import type { Chain, MeshStore, StoredMesh } from '../../storage/mesh/mesh-store.ts'

/**
 * A name from further ahead than this does not count: it would win over every later one. The clocks of two
 * devices may each be a day off, in opposite directions.
 */
const NAMED_AHEAD_MS_MAX = BACKDATED_MS

export interface OwnMeshComponents {
  readonly store: Pick<MeshStore, 'update'>
  readonly clock: Clock
  onRenamed(name: string): void
}

export class OwnMesh {
  readonly #components: OwnMeshComponents
  #stored: StoredMesh

  constructor(stored: StoredMesh, components: OwnMeshComponents) {
    this.#stored = stored
    this.#components = components
  }

  get id(): string {
    return this.#stored.id
  }

  get name(): string {
    return this.#stored.name
  }

  /** What the mesh is called, and since when: since ever, if the time it was given with does not count. */
  get naming(): { meshName: string; meshNamedAtMs: number } {
    const { name, namedAtMs } = this.#stored
    return { meshName: name, meshNamedAtMs: this.#isTooFarAhead(namedAtMs) ? 0 : namedAtMs }
  }

  /** This node's own certificates, to show to others. */
  get chain(): Chain {
    return this.#stored.chain
  }

  /** The members decide which chain replaces the last one. */
  replaceChain(chain: Chain): void {
    this.#update({ ...this.#stored, chain })
  }

  /** This device gives the mesh another name. It is the newest, even if the clock behind the last one was ahead. */
  rename(name: string): void {
    const wallMs = Math.round(this.#components.clock.wallMs())
    this.#renamed(name, Math.max(wallMs, this.naming.meshNamedAtMs + 1))
  }

  /** An admin says what the mesh is called. An older name than the one known, or one from the future, changes nothing. */
  heardName(name: string, namedAtMs: number): void {
    if (namedAtMs <= this.naming.meshNamedAtMs || this.#isTooFarAhead(namedAtMs)) return
    this.#renamed(name, namedAtMs)
  }

  #isTooFarAhead(namedAtMs: number): boolean {
    return namedAtMs > this.#components.clock.wallMs() + NAMED_AHEAD_MS_MAX
  }

  #renamed(name: string, namedAtMs: number): void {
    this.#update({ ...this.#stored, name, namedAtMs })
    this.#components.onRenamed(name)
  }

  #update(stored: StoredMesh): void {
    this.#stored = stored
    this.#components.store.update(stored)
  }
}
