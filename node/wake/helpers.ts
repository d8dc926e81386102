/** Members on the local network of a device that sleeps, which this device is not in. */

import type { Clock } from '../../interface/clock.ts'
import { LumosError, OverloadedError, toLumosError } from '../../interface/errors.ts'
import { askToWake, WAKE_PROTOCOL } from '../../protocols/wake/index.ts'
import type { MeshContext } from '../feature.ts'
import { Deadline } from '../network/deadline.ts'
import type { Bursts } from './bursts.ts'
import type { WakeableDevice, WakeableDevices } from './wakeable.ts'

/** Members that are asked at each burst. */
const ASKED_MAX = 3
const ASK_MS = 3000
/** One waking is 18 asks. */
const ASKS_MAX = 60
const ASKS_EACH_MS = 3_600_000
/** Members that ask within an hour. */
const ASKERS_MAX = 1024

/** Asks others. */
export class Helpers {
  readonly #mesh: MeshContext
  /** Members that could not help, by the device. */
  readonly #unable = new WeakMap<AbortSignal, Set<string>>()

  constructor(mesh: MeshContext) {
    this.#mesh = mesh
  }

  /** @param signal of the waking: a member that could not help is not asked again in it. Never rejects. */
  async ask({ peerId, ips }: WakeableDevice, signal: AbortSignal): Promise<void> {
    const { members, isConnected, clock, open, log } = this.#mesh
    const unable = this.#unable.get(signal) ?? new Set()
    this.#unable.set(signal, unable)
    const nearness = (id: string): number => (this.#stated(id).some(ip => ips.some(near(ip))) ? 0 : 1)
    const able = members
      .list()
      .map(member => member.peerId)
      .filter(id => id !== this.#mesh.peerId && id !== peerId && !unable.has(id) && isConnected(id))
      .sort((a, b) => nearness(a) - nearness(b))
    for (const id of able.slice(0, ASKED_MAX)) {
      try {
        using within = new Deadline(clock, ASK_MS, signal)
        const stream = await open(id, WAKE_PROTOCOL, { signal: within.signal })
        await askToWake(stream, peerId, { clock, signal: within.signal })
        return
      } catch (err) {
        if (signal.aborted) return
        unable.add(id)
        log.debug({ peerId: id, code: toLumosError(err).code }, 'a member could not wake a device')
      }
    }
  }

  #stated(peerId: string): string[] {
    const { addresses = [] } = this.#mesh.stated(peerId) ?? {}
    return addresses.flatMap(address => /^\/ip4\/([\d.]+)\//.exec(address)?.[1] ?? [])
  }
}

/** Whether two addresses share their first three bytes: most local networks are of this size. A hint for the order only. */
const near = (one: string) => (other: string) =>
  one.slice(0, one.lastIndexOf('.')) === other.slice(0, other.lastIndexOf('.'))

/** Helps others: one burst for each ask, for devices of this network that have said that they may be woken. */
export class Helping {
  readonly #clock: Clock
  readonly #devices: WakeableDevices
  readonly #bursts: Bursts
  readonly #asks = new Map<string, { sinceMs: number; count: number }>()

  constructor(clock: Clock, devices: WakeableDevices, bursts: Bursts) {
    this.#clock = clock
    this.#devices = devices
    this.#bursts = bursts
  }

  /** @throws {LumosError} */
  async wake(asker: string, peerId: string): Promise<number> {
    this.#count(asker)
    const device = this.#devices.get(peerId, this.#clock.wallMs())
    if (device === undefined || !this.#bursts.isNear(device))
      throw new LumosError('PEER_NOT_FOUND', `${peerId} is no device of this network that may be woken.`)
    return await this.#bursts.send(device)
  }

  #count(asker: string): void {
    const nowMs = this.#clock.monotonicMs()
    const known = this.#asks.get(asker)
    if (known === undefined || nowMs - known.sinceMs >= ASKS_EACH_MS) {
      this.#asks.delete(asker)
      this.#asks.set(asker, { sinceMs: nowMs, count: 1 })
      if (this.#asks.size > ASKERS_MAX) this.#asks.delete(this.#asks.keys().next().value!)
    } else if (++known.count > ASKS_MAX) {
      const retryAfterMs = known.sinceMs + ASKS_EACH_MS - nowMs
      throw new OverloadedError(`A member asks ${ASKS_MAX} times in an hour to wake devices.`, retryAfterMs)
    }
  }
}
