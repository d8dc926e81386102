/** The root key of the mesh, taken off this device and put on it. */

import { LumosError } from '../../../interface/errors.ts'
import { foundMesh, meshIdOf, rootKeyFromText, rootKeyToText } from '../../membership/index.ts'
import type { MeshChanges } from './changes.ts'

export class RootKeyControl {
  readonly #changes: MeshChanges

  constructor(changes: MeshChanges) {
    this.#changes = changes
  }

  exportRoot({ remove = false }: { remove?: boolean } = {}): string {
    const { root } = this.#changes.context
    const key = root.of(this.#changes.session.members.mesh)
    if (key === undefined) {
      throw new LumosError('DENIED', 'This device does not hold the root key of its mesh.', {
        hint: 'The device that founded the mesh does, unless it was taken off it.'
      })
    }
    if (remove) root.remove()
    return rootKeyToText(key)
  }

  async importRoot(text: string): Promise<void> {
    const key = await rootKeyFromText(text)
    const { config, clock, root } = this.#changes.context
    const { members } = this.#changes.session
    if (meshIdOf(key) === members.mesh) {
      // A full disk must not cost this device the key that it holds already.
      if (root.of(members.mesh) === undefined) await root.replace(key)
      const last = members.lastKnown(this.#changes.self)
      const device = { subject: this.#changes.self, name: last?.name ?? config.name }
      await this.#changes.durably(async () => {
        await members.renew((await foundMesh(device, members.own.name, key, clock, last)).chain)
        this.#changes.session.offerChanged()
        await this.#changes.session.sayHelloToAll()
      })
      return
    }
    await this.#changes.alone(async () => {
      const founded = await foundMesh(
        { subject: this.#changes.self, name: config.name },
        config.mesh.name,
        key,
        clock
      )
      await root.replace(key)
      // Any name that another member knows is newer.
      await this.#changes.enter({ ...founded, namedAtMs: 0 })
    })
  }
}
