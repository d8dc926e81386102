/** Follows whether this device runs on its battery: its manifest says so, and requests go elsewhere where they can. */

import { isOnBattery } from '../../capabilities/index.ts'
import type { Clock, Timer } from '../../interface/clock.ts'
import type { Startable } from '../../interface/lifecycle.ts'

/** A plug that is pulled is noticed within this time: reading it costs a device with a battery 0.2 ms. */
const LOOK_AGAIN_MS = 30_000

export interface BatteryWatchComponents {
  readonly clock: Clock
  changed(): void
  /** Of this device where it is absent. */
  readonly isOnBattery?: () => Promise<boolean>
}

export class BatteryWatch implements Startable {
  readonly #components: BatteryWatchComponents
  #onBattery = false
  #timer: Timer | undefined
  #stopped = false

  constructor(components: BatteryWatchComponents) {
    this.#components = components
  }

  /** What a manifest says of it: nothing while the device has power. */
  get stated(): { readonly onBattery?: true } {
    return this.#onBattery ? { onBattery: true } : {}
  }

  async start(): Promise<void> {
    await this.#look()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
  }

  async #look(): Promise<void> {
    const { clock, changed, isOnBattery: look = isOnBattery } = this.#components
    const before = this.#onBattery
    this.#onBattery = await look()
    if (this.#stopped) return
    if (this.#onBattery !== before) changed()
    this.#timer = clock.setTimer(() => void this.#look(), LOOK_AGAIN_MS)
  }
}
