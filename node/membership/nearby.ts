/** Devices of other meshes that were met on the local network: this node can ask to join one. */

import type { NearbyMesh } from '../../interface/mesh.ts'

import type { Door } from './joiner.ts'

/** More than a person would choose from. */
const SIGHTINGS_MAX = 64

export interface MeshSighting extends Door {
  readonly meshId: string
  readonly meshName: string
}

export class Sightings {
  readonly #byPeer = new Map<string, MeshSighting>()

  /** The latest is the last; the one longest unseen makes room. */
  saw(sighting: MeshSighting): void {
    this.#byPeer.delete(sighting.peerId)
    this.#byPeer.set(sighting.peerId, sighting)
    if (this.#byPeer.size > SIGHTINGS_MAX) this.#byPeer.delete(this.#byPeer.keys().next().value!)
  }

  has(peerId: string): boolean {
    return this.#byPeer.has(peerId)
  }

  all(): MeshSighting[] {
    return [...this.#byPeer.values()]
  }
}

export function meshesOf(sightings: readonly MeshSighting[]): NearbyMesh[] {
  const meshes = new Map<string, NearbyMesh>()
  for (const { meshId, meshName, peerId } of sightings) {
    const known = meshes.get(meshId)
    meshes.set(meshId, { mesh: meshName, meshId, devices: [...(known?.devices ?? []), peerId] })
  }
  return [...meshes.values()]
}
