/** Follows what other programs ask of this device, and says when this node yields to them. */

import type { DeviceLoad } from '../../capabilities/index.ts'
import type { Clock, Timer } from '../../interface/clock.ts'
import type { YieldReason } from '../../interface/status.ts'
import { newYielding, stepYielding } from './yielding-core.ts'

/** Six seconds at most until a busy processor is noticed: what is read takes 0.2 ms. */
const LOOK_AGAIN_MS = 2000

export interface YieldWatchComponents {
  readonly clock: Clock
  readonly read: () => Promise<DeviceLoad>
  /** Whether programs beside this node answer its requests now: what they use cannot be told from what others use. */
  isServedByOthers(): boolean
}

export class YieldWatch {
  /** Called with why the node yields now; nothing where it goes on. */
  onChange: (reasons: readonly YieldReason[]) => void = () => {}
  readonly #components: YieldWatchComponents
  readonly #state = newYielding()
  #reasons: readonly YieldReason[] = []
  #timer: Timer | undefined
  #stopped = true

  constructor(components: YieldWatchComponents) {
    this.#components = components
  }

  get reasons(): readonly YieldReason[] {
    return this.#reasons
  }

  async start(): Promise<void> {
    this.#stopped = false
    await this.#look()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  async #look(): Promise<void> {
    const { clock, read, isServedByOthers } = this.#components
    const wasServed = isServedByOthers()
    const { cpu, ...load } = await read()
    if (this.#stopped) return
    const isTold = cpu !== undefined && !wasServed && !isServedByOthers()
    const reasons = stepYielding(this.#state, isTold ? { ...load, cpu } : load, clock.monotonicMs())
    const isSame = reasons.join() === this.#reasons.join()
    this.#reasons = reasons
    if (!isSame) this.onChange(reasons)
    this.#timer = clock.setTimer(() => void this.#look(), LOOK_AGAIN_MS)
  }
}
