/** Follows what other programs ask of this device, and says when this node yields to them. */

import type { DeviceLoad } from '../../capabilities/index.ts'
import type { Clock, Timer } from '../../interface/clock.ts'
import type { YieldReason } from '../../interface/status.ts'
import { newYielding, stepYielding } from './yielding-core.ts'

/** Six seconds at most until a busy processor is noticed: what is read takes 0.2 ms. */
const LOOK_AGAIN_MS = 2000

/** The kernel's measure is of the last ten seconds: for so long it has what a load of this node's own models made. */
const OWN_LOAD_MS = 10_000

export interface YieldWatchComponents {
  readonly clock: Clock
  readonly read: () => Promise<DeviceLoad>
  /** Whether programs beside this node answer its requests now: what they use cannot be told from what others use. */
  isServedByOthers(): boolean
  /** What each model of this node is doing with memory. Default: nothing. */
  phases?(): readonly string[]
}

export class YieldWatch {
  /** Called with why the node yields now; nothing where it goes on. */
  onChange: (reasons: readonly YieldReason[]) => void = () => {}
  readonly #components: YieldWatchComponents
  readonly #state = newYielding()
  #reasons: readonly YieldReason[] = []
  #timer: Timer | undefined
  #stopped = true
  #phases = ''
  #movedMs = Number.NEGATIVE_INFINITY

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
    const { cpu, memory, ...load } = await read()
    if (this.#stopped) return
    const isTold = cpu !== undefined && !wasServed && !isServedByOthers()
    const nowMs = clock.monotonicMs()
    const isOthers = memory !== undefined && !this.#loadsItself(nowMs)
    const wanted = { ...load, ...(isTold && { cpu }), ...(isOthers && { memory }) }
    const reasons = stepYielding(this.#state, wanted, nowMs)
    const isSame = reasons.join() === this.#reasons.join()
    this.#reasons = reasons
    if (!isSame) this.onChange(reasons)
    this.#timer = clock.setTimer(() => void this.#look(), LOOK_AGAIN_MS)
  }

  /** Whether a model of this node is or was lately loaded or unloaded, also between two looks. */
  #loadsItself(nowMs: number): boolean {
    const phases = this.#components.phases?.() ?? []
    const all = phases.join()
    const moves = phases.some(phase => phase === 'loading' || phase === 'draining')
    if (moves || all !== this.#phases) this.#movedMs = nowMs
    this.#phases = all
    return nowMs - this.#movedMs < OWN_LOAD_MS
  }
}
