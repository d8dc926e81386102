/**
 * How much slower this process is than it would be alone on its machine: the time it
 * had something to do, over the time it got a processor for it.
 *
 * All nodes of a run share one thread, so what other programs take from it looks as if
 * the nodes were slow. Promised times are stretched by this, and every run tells it.
 */

import { performance } from 'node:perf_hooks'

export class Pace {
  readonly #loop = performance.eventLoopUtilization()
  readonly #cpu = process.cpuUsage()

  /** At least 1: alone on the machine. */
  get slowness(): number {
    const { active } = performance.eventLoopUtilization(this.#loop)
    const { user, system } = process.cpuUsage(this.#cpu)
    return Math.max(1, active / Math.max(1, (user + system) / 1000))
  }
}
