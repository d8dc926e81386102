/** Devices of other meshes that were met on the local network: this node can ask to join one. */

import type { NearbyMesh } from '../../interface/mesh.ts'
import type { PeerAddress } from './join-client.ts'

/** More than a person would choose from. */
const SIGHTINGS_MAX = 64

export interface MeshSighting extends PeerAddress {
  readonly meshId: string
  readonly meshName: string
}

export class NearbyMeshes {
  readonly #meshes = new Map<string, Pick<MeshSighting, 'meshId' | 'meshName'>>()
  /** Where a device said it is: a connection from it comes from another port. */
  readonly #addresses = new Map<string, readonly string[]>()

  /** A device is there, of any mesh. */
  saw({ peerId, addresses }: PeerAddress): void {
    if (addresses.length > 0) keep(this.#addresses, peerId, addresses)
  }

  /** And is of another one. */
  parted(peerId: string, meshId: string, meshName: string): void {
    keep(this.#meshes, peerId, { meshId, meshName })
  }

  /** Where a device was last sighted, best first. */
  addressesOf(peerId: string): readonly string[] {
    return this.#addresses.get(peerId) ?? []
  }

  has(peerId: string): boolean {
    return this.#meshes.has(peerId)
  }

  all(): MeshSighting[] {
    return [...this.#meshes].map(([peerId, mesh]) => ({
      peerId,
      ...mesh,
      addresses: this.#addresses.get(peerId) ?? []
    }))
  }
}

/** The latest is the last; the one longest unseen makes room. */
function keep<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > SIGHTINGS_MAX) map.delete(map.keys().next().value!)
}

export function meshesOf(sightings: readonly MeshSighting[]): NearbyMesh[] {
  const meshes = new Map<string, NearbyMesh>()
  for (const { meshId, meshName, peerId } of sightings) {
    const known = meshes.get(meshId)
    meshes.set(meshId, { mesh: meshName, meshId, devices: [...(known?.devices ?? []), peerId] })
  }
  return [...meshes.values()]
}
