/**
 * Deleted answers are deleted at the devices that gave them, too. One that cannot be reached is told when it is back, while
 * this node runs and the device may still have its copy.
 */

import { requestIdOf } from '../../interface/answers.ts'
import { toLumosError } from '../../interface/errors.ts'
import type { MeshContext } from '../feature.ts'
import { Deadline } from '../network/deadline.ts'

/** How long the person that deletes an answer waits for another device. */
const WAIT_MS = 2000
/** Answers that devices are still to be told of: as many as this device keeps. */
const OWED_MAX = 1000

export interface ForgettingComponents {
  readonly mesh: Pick<MeshContext, 'clock' | 'peerId' | 'isConnected' | 'log'>
  /** After this time no device has its copy. */
  readonly keptMs: number
  /** @throws {LumosError} where the device cannot be told. */
  ask(requestId: string, peerId: string, signal: AbortSignal): Promise<void>
}

interface Owed {
  readonly requestId: string
  readonly peerId: string
  readonly untilMs: number
}

export class Forgetting {
  readonly #components: ForgettingComponents
  #owed: Owed[] = []

  constructor(components: ForgettingComponents) {
    this.#components = components
  }

  /** @param id of the answer. */
  async tell(id: string, peers: Iterable<string>): Promise<void> {
    const { mesh, keptMs } = this.#components
    const untilMs = mesh.clock.monotonicMs() + keptMs
    const requestId = requestIdOf(id)
    const others = [...peers].filter(peerId => peerId !== mesh.peerId)
    await Promise.all(others.map(peerId => this.#tell({ requestId, peerId, untilMs })))
  }

  /** Tells a device that is here again what it has missed. Never rejects. */
  async onMember(peerId: string): Promise<void> {
    const mine = this.#owed.filter(owed => owed.peerId === peerId)
    this.#owed = this.#owed.filter(owed => owed.peerId !== peerId)
    const nowMs = this.#components.mesh.clock.monotonicMs()
    for (const owed of mine) if (owed.untilMs > nowMs) await this.#tell(owed)
  }

  async #tell(owed: Owed): Promise<void> {
    const { mesh, ask } = this.#components
    const { requestId, peerId } = owed
    try {
      if (!mesh.isConnected(peerId)) throw new Error('The device is away.')
      using deadline = new Deadline(mesh.clock, WAIT_MS)
      await ask(requestId, peerId, deadline.signal)
    } catch (thrown) {
      // It has nothing of it, or does not say so to this device.
      if (toLumosError(thrown).code === 'ANSWER_UNKNOWN') return
      mesh.log.info({ peerId, requestId }, 'a device could not be told to delete an answer')
      this.#owed = [...this.#owed, owed].slice(-OWED_MAX)
    }
  }
}
