/** What every change of the mesh by its user needs: the mesh as it is now, and the rules of a change. */

import { LumosError } from '../../../interface/errors.ts'
import type { StoredMesh } from '../../../storage/mesh/mesh-store.ts'
import { deviceRemoved } from '../../pairing/index.ts'
import type { MeshSession, NodeContext } from '../context.ts'
import type { EnterOptions } from '../switching.ts'

export interface ControlComponents {
  readonly context: NodeContext
  /** The mesh the node is in now. */
  readonly session: MeshSession
  /** Leave it for another one, where `near` may be found. */
  enter(own: StoredMesh, options?: EnterOptions): Promise<void>
}

export class MeshChanges {
  readonly #components: ControlComponents
  #switching = false

  constructor(components: ControlComponents) {
    this.#components = components
  }

  get session(): MeshSession {
    return this.#components.session
  }

  get context(): NodeContext {
    return this.#components.context
  }

  get self(): string {
    return this.context.peerId
  }

  nameOr(name: string | undefined): string {
    return name ?? this.context.config.name
  }

  async enter(own: StoredMesh, options?: EnterOptions): Promise<void> {
    await this.#components.enter(own, options)
  }

  /**
   * For all that changes the mesh this node is in. The change counts at once, here and elsewhere; that it is done
   * is said only once it is on this disk.
   *
   * @throws {LumosError} `STORE_FULL` or `STORE_FAILED`
   */
  async durably(change: () => Promise<unknown>): Promise<void> {
    await change()
    this.context.store.flush()
  }

  /** Refuses to switch meshes while the current one has other members. */
  alone<T>(run: () => Promise<T>): Promise<T> {
    const { members } = this.session
    if (members.list().some(({ peerId }) => peerId !== this.self)) {
      if (this.session.isRemoved()) throw deviceRemoved()
      throw new LumosError('DENIED', `This device is in the mesh "${members.own.name}" with others.`, {
        hint: 'Leave it first: lumos-node leave'
      })
    }
    return this.exclusively(run)
  }

  async exclusively<T>(run: () => Promise<T>): Promise<T> {
    if (this.#switching) throw new LumosError('DENIED', 'This device is joining or leaving a mesh just now.')
    this.#switching = true
    try {
      return await run()
    } finally {
      this.#switching = false
    }
  }
}
