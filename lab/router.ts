/** A router between LANs: forwards, hides a LAN behind one address, and can be cut. */

import type { Lan, Place } from './place.ts'
import { ip, run } from './system.ts'

export class Router {
  readonly #namespace: string
  readonly #places: readonly Place[]

  private constructor(namespace: string, places: readonly Place[]) {
    this.#namespace = namespace
    this.#places = places
  }

  static async create(namespace: string, places: readonly Place[]): Promise<Router> {
    const router = new Router(namespace, places)
    await router.#run('sysctl', '-q', '-w', 'net.ipv4.ip_forward=1')
    return router
  }

  /**
   * Network address translation, as at most homes: devices of `lan` are seen from elsewhere under the
   * router's address, and nobody elsewhere can begin a connection to them.
   *
   * @returns the program that does it.
   * @throws {Error} that says why there can be none here.
   */
  async hide(lan: Lan): Promise<'nft' | 'iptables'> {
    const { link } = this.#placeOf(lan)
    const network = `${lan.network}.0/24`
    try {
      await this.#run(
        'nft',
        `add table ip nat; add chain ip nat out { type nat hook postrouting priority 100; }
        add rule ip nat out ip saddr ${network} oifname != "${link}" masquerade
        add table ip filter; add chain ip filter in { type filter hook forward priority 0; }
        add rule ip filter in oifname "${link}" ct state new drop`
      )
      return 'nft'
    } catch (nft) {
      try {
        await this.#run(
          ...`iptables -t nat -A POSTROUTING -s ${network} ! -o ${link} -j MASQUERADE`.split(' ')
        )
        await this.#run(...`iptables -A FORWARD -o ${link} -m conntrack --ctstate NEW -j DROP`.split(' '))
        return 'iptables'
      } catch (iptables) {
        throw new Error(`no address translation: ${reasonOf(nft)}; ${reasonOf(iptables)}`)
      }
    }
  }

  /** Nothing gets from or to this LAN; the LAN itself is well. */
  async cut(lan: Lan): Promise<void> {
    await this.#turn(lan, 'down')
  }

  async mend(lan: Lan): Promise<void> {
    await this.#turn(lan, 'up')
  }

  async #turn(lan: Lan, way: 'up' | 'down'): Promise<void> {
    const { fabric, port } = this.#placeOf(lan)
    await ip(`-n ${fabric} link set dev ${port} ${way}`)
  }

  #placeOf({ bridge }: Lan): Place {
    return this.#places.find(place => place.bridge === bridge)!
  }

  async #run(...command: string[]): Promise<void> {
    await run('ip', ['netns', 'exec', this.#namespace, ...command])
  }
}

const reasonOf = (thrown: unknown): string => (thrown as Error).message.trim().split('\n').at(-1)!
