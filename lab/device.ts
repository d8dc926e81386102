/** A device of the lab: a network namespace with one cable to the switch of its LAN, and what can happen to it. */

import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { LinkModel } from '../sim/network/link-model.ts'
import { type Emulator, worsen } from './link.ts'
import { MemoryLimit } from './memory.ts'
import { type Lan, type Place, ROUTER_HOST } from './place.ts'
import { ip, run, temporaryHome } from './system.ts'

/** Above those that a LAN has given to its own devices. */
const NEWCOMER_HOST = 99

export class Device implements AsyncDisposable {
  readonly place: Place
  readonly #undo = new AsyncDisposableStack()
  #memory: MemoryLimit | undefined

  constructor(place: Place) {
    this.place = place
  }

  get namespace(): string {
    return this.place.namespace
  }

  get address(): string {
    return this.place.address
  }

  /** Before a command: runs it on this device. */
  get through(): string[] {
    // First the limit: inside of the namespace the control groups cannot be seen.
    return [...(this.#memory?.through ?? []), 'ip', 'netns', 'exec', this.namespace]
  }

  /** The end at the switch goes down, so the device loses its link as it does without a cable. */
  async unplug(): Promise<void> {
    await ip(`-n ${this.place.fabric} link set dev ${this.place.port} down`)
  }

  async plugIn(): Promise<void> {
    await ip(`-n ${this.place.fabric} link set dev ${this.place.port} up`)
  }

  /** Its network gives it another address. */
  async readdress(to: string): Promise<void> {
    const { link, address } = this.place
    await ip(
      `-n ${this.namespace} addr del ${address}/24 dev ${link}`,
      `-n ${this.namespace} addr add ${to}/24 dev ${link}`
    )
  }

  /** Out of its network and into another: another switch, and an address there. */
  async moveTo({ bridge, network }: Lan): Promise<void> {
    const { fabric, port, link } = this.place
    await ip(
      `-n ${this.namespace} link set dev ${link} down`,
      `-n ${this.namespace} addr flush dev ${link}`,
      `-n ${fabric} link set dev ${port} master ${bridge}`,
      `-n ${this.namespace} addr add ${network}.${NEWCOMER_HOST}/24 dev ${link}`,
      `-n ${this.namespace} link set dev ${link} up`,
      `-n ${this.namespace} route add default via ${network}.${ROUTER_HOST}`
    )
  }

  /**
   * From now on nothing that this device sends to `other` arrives, and nobody is told: both hold
   * connections that are dead.
   */
  async blackhole(other: Device): Promise<void> {
    await ip(`-n ${this.namespace} route add blackhole ${other.address}/32`)
  }

  async unblackhole(other: Device): Promise<void> {
    await ip(`-n ${this.namespace} route del blackhole ${other.address}/32`)
  }

  /**
   * Its link is like this in each direction, until the end of the lab.
   *
   * @returns what makes it so.
   * @throws {Error} that says why it cannot be made here.
   */
  async link(model: LinkModel): Promise<Emulator> {
    const link = await worsen(this.place, model)
    this.#undo.use(link)
    return link.emulator
  }

  /**
   * What starts here from now on has so much memory, together.
   *
   * @throws {Error} that says why it cannot be limited here.
   */
  async limitMemory(bytes: number): Promise<MemoryLimit> {
    const limit = await MemoryLimit.create(this.namespace, bytes)
    this.#undo.defer(() => limit.remove())
    this.#memory = limit
    return limit
  }

  /** A disk of its own, of so many bytes: a folder that can be full while the machine's disk is not. */
  async disk(bytes: number): Promise<string> {
    const home = await temporaryHome()
    const path = join(home, 'disk')
    await mkdir(path)
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'lumos-lab', path])
    this.#undo.defer(async () => {
      await run('umount', ['--lazy', path])
      await rm(home, { recursive: true })
    })
    return path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo.disposeAsync()
  }
}
