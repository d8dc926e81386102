/**
 * Devices on real networks, made of the kernel's own parts: a namespace for each
 * device, a bridge for each LAN, routers between them. The bridges are in a
 * namespace too, so nothing of the machine itself is touched.
 */

import { Device } from './device.ts'
import { type Lan, type Place, ROUTER_HOST } from './place.ts'
import { Router } from './router.ts'
import { connect, ip, ownName, removeHomes, removeNamespace, sweep } from './system.ts'

const labs = new Set<Lab>()

export class Lab implements AsyncDisposable {
  readonly #name = ownName()
  readonly #namespaces: string[] = []
  readonly #devices: Device[] = []
  #lans = 0
  #routers = 0
  #ended: Promise<void> | undefined

  static async create(): Promise<Lab> {
    await sweep()
    const lab = new Lab()
    labs.add(lab)
    await lab.namespace('fabric')
    return lab
  }

  /** Ends every lab of this process, and all that ran there: for when it is told to stop. */
  static async endAll(): Promise<void> {
    await Promise.allSettled([...labs].map(lab => lab[Symbol.asyncDispose]()))
    await removeHomes()
  }

  /** Namespace that holds the switches. */
  get fabric(): string {
    return `${this.#name}-fabric`
  }

  /** A switch, and a network of its own: the first three numbers of its addresses. */
  async lan(network?: string): Promise<LabLan> {
    const number = this.#lans++
    const bridge = `lan${number}`
    await ip(
      `-n ${this.fabric} link add ${bridge} type bridge`,
      `-n ${this.fabric} link set dev ${bridge} up`
    )
    return new LabLan(this, bridge, network ?? `10.77.${number}`)
  }

  /** The way out of each of these LANs, and from one to the other. */
  async router(...lans: Lan[]): Promise<Router> {
    const namespace = await this.namespace(`router${this.#routers++}`)
    const places: Place[] = []
    for (const { bridge, network } of lans) {
      const place = {
        namespace,
        fabric: this.fabric,
        bridge,
        link: `to-${bridge}`,
        port: `router-${bridge}`,
        address: `${network}.${ROUTER_HOST}`,
        cidrs: [`${network}.${ROUTER_HOST}/24`]
      }
      await connect(place)
      places.push(place)
    }
    return Router.create(namespace, places)
  }

  async namespace(what: string): Promise<string> {
    const namespace = `${this.#name}-${what}`
    this.#namespaces.push(namespace)
    await ip(`netns add ${namespace}`, `-n ${namespace} link set lo up`)
    return namespace
  }

  add(device: Device): void {
    this.#devices.push(device)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= this.#end()
    return this.#ended
  }

  async #end(): Promise<void> {
    // Processes first: neither a mount nor a control group that is in use can be removed.
    const namespaces = await Promise.allSettled(this.#namespaces.map(removeNamespace))
    const devices = await Promise.allSettled(this.#devices.map(device => device[Symbol.asyncDispose]()))
    labs.delete(this)
    const failures = [...namespaces, ...devices].filter(result => result.status === 'rejected')
    if (failures.length > 0) throw new Error(`the lab left something behind: ${failures[0]!.reason}`)
  }
}

export class LabLan implements Lan {
  readonly bridge: string
  readonly network: string
  readonly #lab: Lab
  #devices = 0

  constructor(lab: Lab, bridge: string, network: string) {
    this.#lab = lab
    this.bridge = bridge
    this.network = network
  }

  /**
   * Another machine, plugged in.
   *
   * @param name unique in its lab, of at most 12 characters: it becomes that of a network interface.
   * @param cidrs its addresses; none for link-local IPv6 alone.
   */
  async device(name: string, cidrs = [`${this.network}.${++this.#devices}/24`]): Promise<Device> {
    const place = {
      namespace: await this.#lab.namespace(name),
      fabric: this.#lab.fabric,
      bridge: this.bridge,
      link: 'eth0',
      port: name,
      address: cidrs[0]?.split('/')[0] ?? '',
      cidrs
    }
    await connect(place)
    // Every machine on a real LAN has a default route, whether or not anybody is there.
    if (place.address.startsWith(this.network)) {
      await ip(`-n ${place.namespace} route add default via ${this.network}.${ROUTER_HOST}`)
    }
    const device = new Device(place)
    this.#lab.add(device)
    return device
  }
}
