/** Magic packets that leave this device, for its own requests and for those of members. Their number is bounded here alone. */

import type { Clock } from '../../interface/clock.ts'
import type { Lan } from './lan.ts'
import { magicPacket } from './magic-packet.ts'
import type { WakeableDevice } from './wakeable.ts'

/** One packet may be lost, and the next is sent after this time: a card that heard one needs no other. */
export const BURST_GAP_MS = 4000

export class Bursts {
  readonly #clock: Clock
  readonly #lan: Lan
  /** By device; those of the last seconds only. */
  readonly #sentAtMs = new Map<string, number>()

  constructor(clock: Clock, lan: Lan) {
    this.#clock = clock
    this.#lan = lan
  }

  isNear({ ips }: WakeableDevice): boolean {
    return this.#lan.holds(ips)
  }

  /** One packet for each of its cards on each network. @returns how many left; 0 where some have just left. */
  async send({ peerId, macs }: WakeableDevice): Promise<number> {
    const nowMs = this.#clock.monotonicMs()
    for (const [id, atMs] of this.#sentAtMs) if (nowMs - atMs >= BURST_GAP_MS) this.#sentAtMs.delete(id)
    if (this.#sentAtMs.has(peerId)) return 0
    this.#sentAtMs.set(peerId, nowMs)
    return await this.#lan.broadcast(macs.map(magicPacket))
  }
}
