/** How much may wait at a node of a virtual world. */

import { type AdmissionState, QUEUED_MAX } from '../../capabilities/serving/admission-core.ts'
import { BrokenInvariant } from './promises.ts'

/** The work of two seconds may wait, or two for each slot. Restated on purpose: a change in the core must show. */
const QUEUE_MS_MAX = 2000
const QUEUED_PER_SLOT = 2

export class Queues {
  readonly #before = new WeakMap<object, number>()

  stepped(node: number, { turns: { queue }, slots, running, serviceMs }: AdmissionState): void {
    if (running < 0 || running > slots)
      throw new BrokenInvariant('S9', `${running} of ${slots} slots of n${node} are taken`)
    const bound = Math.min(QUEUED_MAX, Math.max(QUEUED_PER_SLOT * slots, (QUEUE_MS_MAX * slots) / serviceMs))
    // Who waited before work became slow may go on waiting.
    if (queue.size > Math.max(bound, this.#before.get(queue) ?? 0) + 1e-9) {
      throw new BrokenInvariant('S9', `${queue.size} wait at n${node} where ${Math.floor(bound)} may`)
    }
    this.#before.set(queue, queue.size)
  }
}
