/** Asking a device that sleeps: it is woken first, and the asker learns which device is waited for. */

import type { Clock } from '../../interface/clock.ts'
import { TimeoutError } from '../../interface/errors.ts'
import type { Inference } from '../../interface/inference.ts'
import type { Asleep, Waker } from '../feature.ts'

export interface WokenComponents {
  readonly clock: Clock
  readonly waker: Waker
  readonly asleep: Asleep
  readonly name: string
  /** The peer, once it is there. */
  client(): Inference
}

export const woken = ({ clock, waker, asleep, name, client }: WokenComponents): Inference => ({
  async *infer(request, options = {}) {
    const startedMs = clock.monotonicMs()
    yield { type: 'progress', index: 0, stage: `waking ${name}`, done: 0, total: Math.round(asleep.wakeMs) }
    await waker.wakeFor(asleep.peerId, options)
    const budgetMs = Math.floor(request.budgetMs - (clock.monotonicMs() - startedMs))
    if (budgetMs <= 0) throw new TimeoutError(`${name} was woken, and no time is left for its answer.`)
    yield* client().infer({ ...request, budgetMs }, options)
  }
})
